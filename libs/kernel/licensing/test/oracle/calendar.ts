// Dates by arithmetic alone (days since 1970 to civil date), and three time zones by their laws since 2008: no Date, no Intl.
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const floorDiv = (a: number, b: number) => Math.floor(a / b);
const mod = (a: number, b: number) => a - b * Math.floor(a / b);

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const monthDays = (year: number) => [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Days from 1970-01-01 to the first of January. */
const daysBefore = (year: number) => {
  const y = year - 1;
  return y * 365 + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) - 719_162;
};

/** msOf is the instant of a civil UTC time. Month and day count from 1. */
export function msOf(year: number, month: number, day: number, hour = 0): number {
  let days = daysBefore(year) + day - 1;
  for (const length of monthDays(year).slice(0, month - 1)) days += length;
  return days * dayMs + hour * hourMs;
}

function yearOf(ms: number): number {
  const day = floorDiv(ms, dayMs);
  let year = 1970 + floorDiv(day, 365.2425);
  while (daysBefore(year) > day) year--;
  while (daysBefore(year + 1) <= day) year++;
  return year;
}

/** The n-th Sunday of a month; n = 0: the last of it. */
function sunday(year: number, month: number, n: number): number {
  const length = monthDays(year)[month - 1]!;
  const sundays: number[] = [];
  for (let day = 1; day <= length; day++) if (mod(msOf(year, month, day) / dayMs + 4, 7) === 0) sundays.push(day);
  return n === 0 ? sundays.at(-1)! : sundays[n - 1]!;
}

function berlin(ms: number): number {
  const year = yearOf(ms);
  const summer = ms >= msOf(year, 3, sunday(year, 3, 0), 1) && ms < msOf(year, 10, sunday(year, 10, 0), 1);
  return summer ? 2 * hourMs : hourMs;
}

function newYork(ms: number): number {
  const year = yearOf(ms);
  const summer = ms >= msOf(year, 3, sunday(year, 3, 2), 7) && ms < msOf(year, 11, sunday(year, 11, 1), 6);
  return summer ? -4 * hourMs : -5 * hourMs;
}

/** What a zone adds to UTC. */
export const zones: Readonly<Record<string, (ms: number) => number>> = {
  UTC: () => 0,
  '+02:00': () => 2 * hourMs,
  '-05:30': () => -5.5 * hourMs,
  'Asia/Kolkata': () => 5.5 * hourMs,
  'Europe/Berlin': berlin,
  'America/New_York': newYork,
};

interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly dayOfYear: number;
}

function civil(ms: number): Civil {
  const year = yearOf(ms);
  const dayOfYear = floorDiv(ms, dayMs) - daysBefore(year);
  let [month, day] = [0, dayOfYear];
  for (const length of monthDays(year)) {
    if (day < length) break;
    day -= length;
    month++;
  }
  return { year, month, day, dayOfYear };
}

/** The parts of a local time. */
export const parts: Readonly<Record<string, (ms: number) => number>> = {
  getFullYear: (ms) => civil(ms).year,
  getMonth: (ms) => civil(ms).month,
  getDate: (ms) => civil(ms).day + 1,
  getDayOfMonth: (ms) => civil(ms).day,
  getDayOfWeek: (ms) => mod(floorDiv(ms, dayMs) + 4, 7),
  getDayOfYear: (ms) => civil(ms).dayOfYear,
  getHours: (ms) => mod(floorDiv(ms, hourMs), 24),
  getMinutes: (ms) => mod(floorDiv(ms, 60_000), 60),
  getSeconds: (ms) => mod(floorDiv(ms, 1000), 60),
  getMilliseconds: (ms) => mod(ms, 1000),
};

const two = (n: number, width = 2) => String(n).padStart(width, '0');

/** rfc3339 writes an instant, in an offset of whole minutes; milliseconds only where there are some. */
export function rfc3339(ms: number, offsetMinutes: number): string {
  const local = ms + offsetMinutes * 60_000;
  const { year, month, day } = civil(local);
  const part = (name: string) => two(parts[name]!(local));
  const fraction = mod(local, 1000) === 0 ? '' : `.${two(mod(local, 1000), 3)}`;
  const size = Math.abs(offsetMinutes);
  const zone =
    offsetMinutes === 0 ? 'Z' : `${offsetMinutes < 0 ? '-' : '+'}${two(floorDiv(size, 60))}:${two(size % 60)}`;
  const time = `${part('getHours')}:${part('getMinutes')}:${part('getSeconds')}`;
  return `${two(year, 4)}-${two(month + 1)}-${two(day + 1)}T${time}${fraction}${zone}`;
}
