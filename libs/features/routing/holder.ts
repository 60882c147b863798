import { timingSafeEqual } from 'node:crypto';
import type { TrustedIssuer } from '@nm/features/access';
import type { Account, RateAccount } from '@nm/features/limits';
import type { Decision, RequestFacts, RouteClass } from '@nm/kernel/licensing';
import type { Ready } from './activator.js';
import type { LicenceEntry, VersionEntry } from './entries.js';
import type { AppPath } from './parse-path.js';
import type { Ticket } from './ticket.js';

export type CredentialKind = 'key' | 'session' | 'install' | 'user';

/**
 * Holder is what a credential was found to be. It is held against the licence of now on each use: a rotated key stops at once, and its sessions
 * with it; `licence` is the entry for which that was last done.
 */
export interface Holder {
  readonly kind: CredentialKind;
  readonly licenceId: string;
  licence: LicenceEntry;
  /** The licence's key when this was learnt: its hash, or for sessions its lookup part. Install tokens die of their own age. */
  readonly keyHash: Uint8Array | undefined;
  readonly keyLookup: string | undefined;
  /** Session that it belongs to; it ends everywhere when that is ended. */
  readonly sessionId: string | undefined;
  /** Of a user token: whom its organisation trusted when it was verified. Verified again when that changes. */
  readonly issuers: readonly TrustedIssuer[] | undefined;
  readonly untilMs: number;
  /** Set when the credential is worth one install only. */
  readonly installId: string | undefined;
  /** The install that a session was opened for: meant where a request names none. */
  readonly usualInstallId: string | undefined;
  readonly readOnly: boolean;
  /** The last decision's ground, for the next request of the same kind. */
  ticket: Ticket | undefined;
  /** What chose the last ground that is complete. */
  pass: Pass | undefined;
  /** The directory's version when it was last held against it. */
  checkedVersion: number;
  /** Ways of its last requests; who keeps them knows their tags. */
  ways: readonly Way<unknown>[];
}

/** ofItsKey tells whether the licence still has the key by which this was learnt. */
export function ofItsKey({ keyHash, keyLookup }: Holder, licence: LicenceEntry): boolean {
  if (keyHash !== undefined) return sameBytes(keyHash, licence.keyHash);
  return keyLookup === undefined || keyLookup === licence.keyLookup;
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** What a caller's last request asked for, and the ground that this chose: while the directory forgets nothing, the same question has the same answer. */
export interface Pass {
  readonly directoryVersion: number;
  readonly kind: AppPath['kind'];
  readonly appPath: string;
  readonly selector: string | undefined;
  /** Value of `Nm-Install`. */
  readonly installId: string | undefined;
  readonly ticket: Ticket;
}

/** Admission is what let a request in. */
export interface Admission {
  readonly holder: Holder;
  readonly ticket: Ticket;
  readonly decision: Decision;
  readonly request: RequestFacts;
  /** What the app may be told: the decision, or less when the credential is worth less. */
  readonly mode: 'full' | 'read-only';
  readonly version: VersionEntry;
}

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
  /** Budgets that its requests are booked on, and of them the one that answers tell of. */
  readonly accounts: readonly Account[];
  readonly rate: RateAccount | undefined;
  /** Of a request's body, where it is bounded. */
  readonly bodyBytesMax: number | undefined;
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
