import type { Account } from '@nm/features/limits';
import { type Decision, decidePrepared, type Prepared, prepare, type RequestFacts } from '@nm/kernel/licensing';
import type { WakeTarget } from './activator.js';
import type { AppEntry, InstallEntry, LicenceEntry, Selection, VersionEntry } from './entries.js';

/**
 * Ticket is the ground on which one licence's requests are decided: all facts but the request and the time, with everything prepared that follows
 * from them. Entries are replaced, never changed, so the same entries are the same ground.
 */
export interface Ticket {
  readonly licence: LicenceEntry;
  /** The app that the request is for. */
  readonly app: AppEntry;
  /** The app of the licence, whose rules hold; another one than `app` when that is an engine. */
  readonly home: AppEntry;
  readonly selection: Selection | undefined;
  readonly version: VersionEntry | undefined;
  readonly install: InstallEntry | undefined;
  readonly prepared: Prepared;
  /** Budgets that its requests are booked on, looked up once. */
  accounts: readonly Account[] | undefined;
  /** Which instance serves it. */
  wake: WakeTarget | undefined;
  /** What answers say of its licence, by the code of the decision. */
  standing: { readonly code: string; readonly text: string } | undefined;
  /** The signed context, while it may be used again. */
  context: SignedContext | undefined;
}

export interface SignedContext {
  readonly text: string;
  readonly mode: 'full' | 'read-only';
  readonly untilMs: number;
  /** Which signing keys were in force. */
  readonly keysVersion: number;
}

export interface Ground {
  readonly licence: LicenceEntry;
  readonly app: AppEntry;
  readonly home: AppEntry;
  readonly selection: Selection | undefined;
  readonly version: VersionEntry | undefined;
  readonly install: InstallEntry | undefined;
}

/** onSameGround tells whether a ticket may be used again. */
export const onSameGround = (ticket: Ticket, ground: Ground): boolean =>
  ticket.licence === ground.licence &&
  ticket.app === ground.app &&
  ticket.home === ground.home &&
  ticket.selection === ground.selection &&
  ticket.install === ground.install;

export function makeTicket(ground: Ground): Ticket {
  const { licence, home, selection, version, install } = ground;
  const prepared = prepare(home.rules, {
    licence: licence.facts,
    plan: licence.plan,
    customer: licence.customer,
    install: install && { id: install.id, clusterId: install.clusterId, namespace: install.namespace },
    version: version?.name ?? '',
    channel: selection?.channel,
    factsVersion: `${licence.factsVersion}/${home.ruleSetVersion ?? 0}`,
  });
  return { ...ground, prepared, accounts: undefined, wake: undefined, standing: undefined, context: undefined };
}

/** decideOnTicket asks the rules of the licence's app about one request. */
export const decideOnTicket = ({ prepared }: Ticket, request: RequestFacts, nowMs: number): Decision =>
  decidePrepared(prepared, request, nowMs);
