import type { Account, LimitScope } from './limit-book.js';

/** Which budget was used up. */
export type LimitKind = 'requests' | 'concurrency' | 'connections' | 'bytes' | 'wakes';

export interface Refusal {
  readonly kind: LimitKind;
  readonly scope: LimitScope;
  /** Seconds after which trying again makes sense, at least 1. */
  readonly retryAfterSeconds: number;
}

/** How soon a slot may be free again nobody knows. */
const slotRetrySeconds = 1;
const retrySecondsMax = 3_600;

/**
 * takeRequest lets one request begin when every account has room for it, and then books it in all; else it books nothing. A budget of bytes is
 * paid afterwards (`payBytes`), so it refuses only who has overdrawn it.
 */
export function takeRequest(accounts: readonly Account[], nowMs: number): Refusal | undefined {
  for (const account of accounts) {
    const refusal = refuse(account, nowMs);
    if (refusal) return refusal;
  }
  for (const { requests, open, connections } of accounts) {
    requests?.spend(1, nowMs);
    open?.take();
    connections?.take();
  }
  return undefined;
}

function refuse({ scope, requests, open, connections, bytes }: Account, nowMs: number): Refusal | undefined {
  if (requests && !requests.has(1, nowMs))
    return { kind: 'requests', scope, retryAfterSeconds: seconds(requests.waitMs(1, nowMs)) };
  if (bytes && !bytes.has(1, nowMs))
    return { kind: 'bytes', scope, retryAfterSeconds: seconds(bytes.waitMs(1, nowMs)) };
  if (open && !open.free()) return { kind: 'concurrency', scope, retryAfterSeconds: slotRetrySeconds };
  if (connections && !connections.free()) return { kind: 'connections', scope, retryAfterSeconds: slotRetrySeconds };
  return undefined;
}

/** outlastRequest gives back what a request holds as work under way: it has become a stream or a tunnel. Its connection stays booked until `endRequest`. */
export function outlastRequest(accounts: readonly Account[]): void {
  for (const { open } of accounts) open?.release();
}

/**
 * endRequest gives the slots back and pays for the bytes that went through. Call it once for each request that `takeRequest` let begin.
 * @param outlasted `outlastRequest` was called for it
 */
export function endRequest(accounts: readonly Account[], bytes: number, nowMs: number, outlasted = false): void {
  for (const account of accounts) {
    if (!outlasted) account.open?.release();
    account.connections?.release();
    if (bytes > 0) account.bytes?.spend(bytes, nowMs);
  }
}

/** takeWake books the start of a sleeping KAMA, in all accounts or in none. */
export function takeWake(accounts: readonly Account[], nowMs: number): Refusal | undefined {
  for (const { scope, wakes } of accounts)
    if (wakes && !wakes.has(1, nowMs))
      return { kind: 'wakes', scope, retryAfterSeconds: seconds(wakes.waitMs(1, nowMs)) };
  for (const { wakes } of accounts) wakes?.spend(1, nowMs);
  return undefined;
}

const seconds = (ms: number): number => Math.min(retrySecondsMax, Math.max(1, Math.ceil(ms / 1000)));
