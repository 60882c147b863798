import type { RouteClass } from '@nm/kernel/licensing';
import type { Ready } from './activator.js';
import type { Admission } from './admit.js';
import type { AppPath } from './parse-path.js';

/** One request target of a way: callers mostly ask for the same again. */
export interface Stretch<Tag> {
  /** The raw request target as it came. */
  readonly raw: string;
  readonly path: AppPath;
  /** Where it goes. */
  readonly target: { readonly origin: string; readonly path: string };
  /** Whose exchange it is, for reviews. */
  readonly tag: Tag;
}

/**
 * Way is what became of a request that was let in, kept with its credential, so that the next of the same kind need not be asked all questions again: who, which app, the decision of licence and rules, where to,
 * and what is sent along. It is used only while nothing that the answers followed from can have changed: no change was heard of (`directoryVersion`), the keys that sign are the same, and the clock is between `fromMs` and
 * `untilMs`, the first instant at which the licence, a rule, the credential or the signed context says something else.
 */
export interface Way<Tag> {
  readonly method: string;
  readonly routeClass: RouteClass;
  /** What the target begins with: app and version. */
  readonly prefix: string;
  /** Set when a rule reads the path: then it is good for this one only. */
  readonly onlyPath: string | undefined;
  readonly address: string;
  readonly scheme: string;
  /** Value of `Host`. */
  readonly host: string | undefined;
  readonly directoryVersion: number;
  readonly keysVersion: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Credential without its scheme. */
  readonly credential: string;
  readonly admission: Admission;
  readonly ready: Ready;
  /** Fields for the app, and for the answer, but those that each request has of its own. */
  readonly requestFields: Buffer;
  readonly answerFields: Buffer;
  /** Where this decision is counted. */
  readonly decided: { count: number };
  last: Stretch<Tag>;
}

/** Kinds of requests that are kept of one credential; whoever sends more of them in turn has each decided anew. */
const waysMax = 4;

/** keepWay puts a way before the others, in place of an older one of the same kind. */
export function keepWay<Tag>(ways: readonly Way<Tag>[], way: Way<Tag>): readonly Way<Tag>[] {
  const others = ways.filter((known) => known.directoryVersion === way.directoryVersion && !sameKind(known, way));
  return [way, ...others.slice(0, waysMax - 1)];
}

const sameKind = (a: Way<unknown>, b: Way<unknown>): boolean =>
  a.method === b.method &&
  a.routeClass === b.routeClass &&
  a.prefix === b.prefix &&
  a.onlyPath === b.onlyPath &&
  a.address === b.address &&
  a.scheme === b.scheme &&
  a.host === b.host;
