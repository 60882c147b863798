import type { Fault } from '@nm/kernel/fault';
import type { Plan, RequestHead, Target, Visit } from '../exchange.js';
import type { ClientOrigin } from '../trusted-peers.js';
import { leftEarly } from '../upstream-error.js';
import type { NetContext } from './context.js';
import type { KnownHead, RequestFacts } from './known-head.js';
import type { MessageHead } from './message-head.js';
import { parseRequestHead } from './parse-head.js';
import { loopFault, putKnownHead, putRequestHead } from './request-line.js';

/** Methods as one string each, so that no request makes its own. */
const methods = new Map(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((name) => [name, name]));
const get = 'GET';

/** A head that was parsed just now, or is known from before. */
export type FoundHead<Tag> =
  | { readonly head: MessageHead; readonly known?: undefined }
  | { readonly head?: undefined; readonly known: KnownHead<Tag> };

/** NetRequestHead is one request's head: what the policy sees of it, and what becomes of it on its way to the upstream. */
export class NetRequestHead<Tag> implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpMinor: 0 | 1;
  readonly upgrade: string | undefined;
  readonly wantsClose: boolean;
  readonly expectsContinue: boolean;
  readonly contentLength: number;
  readonly #context: NetContext<Tag>;
  readonly #peer: { readonly peer: ClientOrigin };
  readonly #known: KnownHead<Tag> | undefined;
  /** It is worth remembering. */
  readonly #isWanted: boolean;
  #head: MessageHead | undefined;
  #origin: ClientOrigin | undefined;
  #leaves: AbortController | undefined;
  #hasLeft = false;

  constructor(context: NetContext<Tag>, peer: { readonly peer: ClientOrigin }, { head, known }: FoundHead<Tag>) {
    this.#context = context;
    this.#peer = peer;
    this.#head = head;
    this.#known = known;
    const { method, target, httpMinor } = known ? known.request : factsOf(head);
    this.method = method;
    this.target = target;
    this.httpMinor = httpMinor;
    this.upgrade = head && wantedProtocol(head);
    this.wantsClose = known ? known.wantsClose : head.close || (httpMinor === 0 && !head.keepAlive);
    this.expectsContinue = head?.expectsContinue ?? false;
    this.contentLength = head?.contentLength ?? -1;
    this.#isWanted = head !== undefined && (context.known?.wanted ?? false);
  }

  get remoteAddress(): string {
    return this.#from().address;
  }

  get scheme(): 'http' | 'https' {
    return this.#from().scheme;
  }

  #from(): ClientOrigin {
    const { trusted } = this.#context;
    this.#origin ??= trusted.empty ? this.#peer.peer : trusted.clientOf(this.#peer.peer, (name) => this.header(name));
    return this.#origin;
  }

  header(lowerName: string): string | undefined {
    return this.#parsed.field(lowerName);
  }

  leaves(): AbortSignal {
    this.#leaves ??= new AbortController();
    if (this.#hasLeft) this.#leaves.abort(leftEarly());
    return this.#leaves.signal;
  }

  /** left is told when the client has left. */
  left(): void {
    this.#leaves?.abort(leftEarly());
  }

  /** open asks the policy: for a head that is known, whether the same may be done again. */
  open(): Visit<Tag> {
    const known = this.#known;
    if (known) {
      const visit = known.again.open(this);
      if (visit) return visit;
      this.#context.known?.forget(known);
    }
    return this.#context.policy.open(this);
  }

  /** Set when it passed us before. One that is known did not. */
  get loop(): Fault | undefined {
    return this.#head && loopFault(this.#head, this.#context.pseudonym);
  }

  /** A head that is known is parsed only when somebody asks for more of it. */
  get #parsed(): MessageHead {
    if (!this.#head) {
      this.#head = this.#context.heads.take();
      const { bytes } = this.#known as KnownHead<Tag>;
      parseRequestHead(bytes, 0, bytes.length, this.#head);
    }
    return this.#head;
  }

  /** put writes the head for the upstream; it is not needed afterwards. @param host of the origin */
  put(plan: Plan<Tag>, target: Target, host: string): void {
    const { out, pseudonym, known } = this.#context;
    const asPlanned = target === plan.target;
    if (!this.#known || !asPlanned || !putKnownHead(out, this.#known, plan)) {
      const shared = putRequestHead(out, this.#parsed, this, plan, { path: target.path, host }, pseudonym);
      if (this.#isWanted && asPlanned) known?.note(this.#parsed, this, plan, out.bytes.subarray(out.begun, shared));
    }
    this.#giveBack();
  }

  /** keep is told when the memory of the head is about to be used again. */
  keep(): void {
    this.#head?.keep();
  }

  /** over is told at the end. */
  over(): void {
    this.#hasLeft = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#head) this.#context.heads.give(this.#head);
    this.#head = undefined;
  }
}

const factsOf = (head: MessageHead): RequestFacts => ({
  httpMinor: head.httpMinor,
  method: methodOf(head),
  target: head.targetStart === head.targetEnd ? '/' : head.text(head.targetStart, head.targetEnd),
});

function methodOf(head: MessageHead): string {
  const { bytes, methodStart, methodEnd } = head;
  const isGet =
    methodEnd - methodStart === 3 &&
    bytes[methodStart] === 0x47 &&
    bytes[methodStart + 1] === 0x45 &&
    bytes[methodStart + 2] === 0x54;
  if (isGet) return get;
  const text = head.text(methodStart, methodEnd);
  return methods.get(text) ?? text;
}

/** Offers of HTTP/2 in clear text are declined by answering in HTTP/1.1 (RFC 9110 §7.8). */
function wantedProtocol(head: MessageHead): string | undefined {
  if (!head.switches || head.upgrade < 0) return undefined;
  const protocol = head.field('upgrade') ?? '';
  return protocol === '' || /^h2c\b/i.test(protocol) ? undefined : protocol;
}
