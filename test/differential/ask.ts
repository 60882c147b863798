import type { Request } from './requests.js';

/** Answer is what a server said, with what differs by nature taken out. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Side {
  readonly url: string;
  readonly namespace: string;
  /** State of an operation that was begun before, for requests within one. */
  readonly ostid: string;
}

const answerMs = 60_000;

/** ask sends one request. A page of HTML is told by its kind only: what a Flask page says of an error is no contract. */
export async function ask(
  side: Pick<Side, 'url' | 'namespace'> & { readonly ostid?: string },
  request: Request,
): Promise<Answer> {
  const answer = await fetch(`${side.url}${request.path}`, {
    method: request.method,
    headers: { 'content-type': 'application/json', ...(side.ostid === undefined ? {} : { Ostid: side.ostid }) },
    signal: AbortSignal.timeout(answerMs),
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const text = (await answer.text()).replaceAll(side.namespace, '<namespace>');
  const html = (answer.headers.get('content-type') ?? '').includes('html');
  return { status: answer.status, body: html ? '<html>' : parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** differences lists the paths at which two answers differ, with both values. */
export function differences(theirs: unknown, ours: unknown, at = '$'): string[] {
  if (isList(theirs) && isList(ours)) {
    const length = Math.max(theirs.length, ours.length);
    return Array.from({ length }, (_, index) => differences(theirs[index], ours[index], `${at}[${index}]`)).flat();
  }
  if (isDict(theirs) && isDict(ours)) {
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort();
    return keys.flatMap((key) => differences(theirs[key], ours[key], `${at}.${key}`));
  }
  return Object.is(theirs, ours) ? [] : [`${at}: ${shown(theirs)} | ${shown(ours)}`];
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isDict = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const shown = (value: unknown): string =>
  value === undefined ? 'absent' : (JSON.stringify(value) ?? 'absent').slice(0, 200);
