import type { CodeEntry } from './code-entry.js';
import { type Code, codes } from './codes.js';

export interface FaultDetails {
  /** Sentence for the client, instead of the catalogue's. Never holds internals. */
  readonly public?: string;
  /** Sentence for the log only. */
  readonly internal?: string;
  readonly cause?: unknown;
  /** Extra members of the problem document (RFC 9457 §3.2), safe for the client. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** Fault is the one error that we throw on purpose: a stable code, a public sentence and an internal one. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: Code;
  readonly publicMessage: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: Code, details: FaultDetails = {}) {
    const publicMessage = details.public ?? codes[code].message;
    super(details.internal ? `${code}: ${details.internal}` : `${code}: ${publicMessage}`, { cause: details.cause });
    this.code = code;
    this.publicMessage = publicMessage;
    this.extra = details.extra ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get entry(): CodeEntry {
    return codes[this.code];
  }

  get status(): number {
    return codes[this.code].status;
  }
}

/** isFault tells our own errors from everything else. */
export const isFault = (error: unknown): error is Fault => error instanceof Fault;

/** toFault wraps whatever was thrown; an unknown error becomes `internal` and keeps its cause for the log. */
export function toFault(error: unknown): Fault {
  if (isFault(error)) return error;
  return new Fault('internal', { internal: error instanceof Error ? error.message : String(error), cause: error });
}

/** hasCode narrows a caught error to one code. */
export const hasCode = (error: unknown, code: Code): error is Fault => isFault(error) && error.code === code;

/** invariant states what must hold; its failure is our defect, never the caller's. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Fault('internal', { internal: `invariant broken: ${message}` });
}
