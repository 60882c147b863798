/** The parts of an instant that rules may ask for, as CEL names them. */
export const timestampGetters = [
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
] as const;
export type TimestampGetter = (typeof timestampGetters)[number];

const dayMs = 86_400_000;

/** get reads one part of a wall time that is given as if it were UTC. */
export function get(part: TimestampGetter, wall: Date): number {
  switch (part) {
    case 'getFullYear':
      return wall.getUTCFullYear();
    case 'getMonth':
      return wall.getUTCMonth();
    case 'getDate':
      return wall.getUTCDate();
    case 'getDayOfMonth':
      return wall.getUTCDate() - 1;
    case 'getDayOfWeek':
      return wall.getUTCDay();
    case 'getDayOfYear':
      return Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0, 1)) / dayMs);
    case 'getHours':
      return wall.getUTCHours();
    case 'getMinutes':
      return wall.getUTCMinutes();
    case 'getSeconds':
      return wall.getUTCSeconds();
    case 'getMilliseconds':
      return wall.getUTCMilliseconds();
  }
}

/** A time zone of the IANA database or a fixed offset (`+02:00`). */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError for an unknown zone */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** wallOf is the wall time of an instant, as if it were UTC. */
  wallOf(instant: Date): Date {
    const part = new Map(this.#format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const of = (name: Intl.DateTimeFormatPartTypes): number => part.get(name) ?? 0;
    return new Date(
      Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) +
        instant.getUTCMilliseconds(),
    );
  }
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/;

/** parseTimestamp reads RFC 3339 with at most milliseconds, years 0001 to 9999. @returns undefined when it is none */
export function parseTimestamp(text: string): Date | undefined {
  if (text.length > 40 || !rfc3339.test(text)) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = text.split(/[-T:.Z+]/, 6).map(Number);
  const isDate = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  if (!isDate || hour > 23 || minute > 59 || second > 59) return undefined;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}

const daysOf = (year: number, month: number): number => new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

const durationText = /^-?(\d{1,6}[hms]){1,6}$/;

/** isDuration accepts whole hours, minutes and seconds: `72h`, `1h30m`, `-90s`. */
export const isDuration = (text: string): boolean => durationText.test(text);
