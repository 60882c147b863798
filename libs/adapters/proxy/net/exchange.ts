import { Fault, toFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { bodyFault, openEndedIdleMs } from '../bounds.js';
import type { CutStyle, OpenExchange, Outcome, Plan, Target, Visit } from '../exchange.js';
import { linesFrom } from '../field-lines.js';
import { EventStreamTail } from '../sse-tail.js';
import { isDialError, upstreamFault } from '../upstream-error.js';
import { type AnswerFraming, putAnswer, putAnswerHead, putInterimHead } from './answer-head.js';
import type { BodyReader } from './body-reader.js';
import { ByteTunnel } from './byte-tunnel.js';
import type { NetContext } from './context.js';
import type { ExchangeClient } from './exchange-client.js';
import type { Share } from './load-limit.js';
import type { MessageHead } from './message-head.js';
import { putData, putLastChunk } from './put-data.js';
import { type FoundHead, NetRequestHead } from './request-head.js';
import { passingTrailers } from './trailers.js';
import type { UpstreamConnection } from './upstream-connection.js';
import type { WaitingUser } from './upstream-pools.js';
import type { Wire } from './wire.js';

const continueLine = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

type Stage = 'planning' | 'dialling' | 'waiting' | 'answering' | 'tunnel' | 'over';

/** NetExchange carries one request to the upstream and its answer back, streaming both ways with backpressure. */
export class NetExchange<Tag> implements OpenExchange<Tag>, WaitingUser {
  readonly isHead: boolean;
  place = -1;
  readonly #context: NetContext<Tag>;
  readonly #client: ExchangeClient;
  readonly #request: NetRequestHead<Tag>;
  #wantsClose: boolean;
  #visit: Visit<Tag> | undefined;
  #plan: Plan<Tag> | undefined;
  #target: Target | undefined;
  #upstream: UpstreamConnection | undefined;
  #tunnel: ByteTunnel | undefined;
  #tail: EventStreamTail | undefined;
  /** Where it is counted as work under way. */
  #share: Share | undefined;
  #stage: Stage = 'planning';
  #redialled = false;
  #upstreamIsFull = false;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #status = 0;
  #framing: AnswerFraming = 'none';
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(context: NetContext<Tag>, client: ExchangeClient, found: FoundHead<Tag>) {
    this.#context = context;
    this.#client = client;
    this.#request = new NetRequestHead(context, client, found);
    this.#wantsClose = this.#request.wantsClose;
    this.isHead = this.#request.method === 'HEAD';
  }

  get tag(): Tag {
    return (this.#plan as Plan<Tag>).tag;
  }

  get kind(): 'request' | 'stream' | 'tunnel' {
    if (this.#tunnel) return 'tunnel';
    return this.#tail || (this.#plan?.openEnded && this.#status > 0) ? 'stream' : 'request';
  }

  /** start asks the policy; its plan is carried out at once when it comes at once. */
  start(): void {
    this.#visit = this.#request.open();
    try {
      const { loop } = this.#request;
      if (loop) throw loop;
      if (this.#context.load.full) throw new Fault('overloaded', { retryAfterSeconds: 1 });
      const plan = this.#visit.plan();
      if (plan instanceof Promise)
        plan.then(
          (settled) => this.#planned(settled),
          (error: unknown) => this.#fail(toFault(error)),
        );
      else this.#planned(plan);
    } catch (error) {
      this.#refuse(toFault(error));
    }
  }

  #planned(plan: Plan<Tag>): void {
    if (this.#stage === 'over') return;
    this.#plan = plan;
    const refusal = this.#admit(plan);
    if (refusal) return void this.#refuse(refusal);
    this.#context.open.add(this);
    this.#dial(plan.target);
  }

  /** admit holds a plan against what the process can do, and against the content that is announced. */
  #admit(plan: Plan<Tag>): Fault | undefined {
    const tooLarge = bodyFault(plan.bodyBytesMax, this.#request.contentLength);
    if (tooLarge) return tooLarge;
    this.#share = this.#context.load.enter(this.#context.policy.tenantOf?.(plan.tag) ?? '');
    return this.#share ? undefined : new Fault('overloaded', { retryAfterSeconds: 1 });
  }

  /** Streams and tunnels last, and cost little: they are no work under way. */
  #lasts(): void {
    this.#uncount();
    this.#plan?.lasts?.();
  }

  #uncount(): void {
    if (this.#share) this.#context.load.leave(this.#share);
    this.#share = undefined;
  }

  #dial(target: Target): void {
    this.#stage = 'dialling';
    this.#target = target;
    this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.connectMs;
    try {
      const upstream = this.#context.upstreams.take(target, this);
      if (upstream) this.upstreamAssigned(upstream);
    } catch (error) {
      this.#fail(upstreamFault(error));
    }
  }

  upstreamAssigned(upstream: UpstreamConnection): void {
    this.#upstream = upstream;
    if (upstream.ready) this.upstreamReady();
  }

  /** upstreamReady sends the head, and lets the body flow. */
  upstreamReady(): void {
    const { out } = this.#context;
    const { wire, host } = this.#upstream as UpstreamConnection;
    this.#stage = 'waiting';
    this.#request.put(this.#plan as Plan<Tag>, this.#target as Target, host);
    if (this.#client.bodyDone) {
      out.sendTo(wire);
      this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.headersMs;
      return;
    }
    this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.idleMs;
    if (this.#request.expectsContinue) {
      // The answer before may still wait.
      out.flush();
      this.#client.wire.write(continueLine);
    }
    // What is here of the body goes with the head.
    if (!this.#client.hasBody) out.writeTo(wire);
    this.#client.startBody();
  }

  get requestSent(): boolean {
    return this.#client.bodyDone;
  }

  /** requestBody is told what came of the body. */
  requestBody(bytes: Buffer, start: number, end: number, done: boolean): void {
    const upstream = this.#upstream;
    if (!upstream || this.#stage === 'over') return;
    const { out, nowMs, timeouts } = this.#context;
    const { bodyIsChunked } = this.#client;
    this.#bytesIn += end - start;
    const tooLarge = bodyFault(this.#plan?.bodyBytesMax, this.#bytesIn);
    if (tooLarge) return void this.bodyFailed(tooLarge);
    if (end > start) putData(out, bytes, start, end, bodyIsChunked);
    if (done && bodyIsChunked) putLastChunk(out, passingTrailers(this.#client.trailers, this.#plan?.requestFilter));
    if (!out.writeTo(upstream.wire) && !done) {
      this.#upstreamIsFull = true;
      this.#client.pause();
    }
    if (this.#stage === 'waiting') this.#deadlineMs = nowMs + (done ? timeouts.headersMs : timeouts.idleMs);
  }

  upstreamDrained(): void {
    this.#upstreamIsFull = false;
    if (this.#stage === 'waiting') this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.idleMs;
    this.#client.resume();
  }

  bodyFailed(fault: Fault): void {
    this.#wantsClose = true;
    this.#fail(fault);
  }

  /** upstreamInterim passes 1xx answers on, but those that we make ourselves (RFC 9110 §15.2). */
  upstreamInterim(head: MessageHead): void {
    if (head.status === 100 || this.#request.httpMinor === 0 || this.#status > 0) return;
    const { out } = this.#context;
    putInterimHead(out, head, (this.#plan as Plan<Tag>).answerFilter, '');
    out.writeTo(this.#client.wire);
  }

  upstreamAnswer(head: MessageHead, framing: BodyReader['framing']): void {
    const plan = this.#plan as Plan<Tag>;
    this.#framing =
      framing === 'chunked' || framing === 'close' ? (this.#request.httpMinor === 1 ? 'chunked' : 'close') : framing;
    if (this.#framing === 'close' || this.#context.closing) this.#wantsClose = true;
    this.#status = head.status;
    this.#stage = 'answering';
    if (head.contentLength < 0)
      this.#tail = EventStreamTail.ofText(head.field('content-type'), head.field('content-encoding'));
    const connection = { httpMinor: this.#request.httpMinor, close: this.#wantsClose };
    const { out } = this.#context;
    putAnswerHead(out, head, plan, this.#framing, connection, systemClock);
    this.#touch();
    if (this.kind === 'stream') this.#lasts();
  }

  upstreamData(bytes: Buffer, start: number, end: number): void {
    this.#bytesOut += end - start;
    this.#tail?.see(bytes.subarray(start, end));
    this.#plan?.peek?.(bytes, start, end);
    this.#touch();
    putData(this.#context.out, bytes, start, end, this.#framing === 'chunked');
  }

  upstreamFlush(): void {
    if (!this.#context.out.writeTo(this.#client.wire)) this.#upstream?.socket.pause();
  }

  clientDrained(): void {
    if (this.#stage !== 'answering') return;
    this.#touch();
    if (this.#upstream?.socket.isPaused()) this.#upstream.socket.resume();
  }

  upstreamComplete(trailers: string): void {
    const { out } = this.#context;
    if (this.#framing === 'chunked') putLastChunk(out, passingTrailers(trailers, this.#plan?.answerFilter));
    out.sendTo(this.#client.wire);
  }

  upstreamEnded(): void {
    this.#upstream = undefined;
    this.#finish(undefined, false);
    this.#client.exchangeDone(this.#wantsClose);
  }

  #touch(): void {
    const mayBeQuiet = this.#plan?.openEnded && !this.#tunnel?.halfClosed;
    this.#deadlineMs = this.#context.nowMs + (mayBeQuiet ? openEndedIdleMs : this.#context.timeouts.idleMs);
  }

  upstreamFailed(error: Error): void {
    const wasReady = this.#upstream?.ready ?? false;
    this.#upstream = undefined;
    if (this.#stage === 'over') return;
    if (wasReady || !isDialError(error) || this.#redialled || !this.#plan?.redial)
      return void this.#fail(upstreamFault(error));
    this.#redialled = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#plan.redial().then(
      (target) => {
        if (this.#stage === 'over') return;
        if (target) this.#dial(target);
        else this.#fail(upstreamFault(error));
      },
      (reason: unknown) => this.#fail(toFault(reason)),
    );
  }

  upstreamSwitched(head: MessageHead, wire: Wire, rest: Buffer): void {
    const plan = this.#plan as Plan<Tag>;
    const { out } = this.#context;
    const protocol = this.#request.upgrade;
    this.#upstream = undefined;
    if (protocol === undefined) {
      wire.socket.destroy();
      return void this.#fail(new Fault('upstream_reset', { internal: 'the upstream switched protocols unasked' }));
    }
    this.#status = head.status;
    this.#stage = 'tunnel';
    const added = linesFrom((sink) => plan.addToAnswer(sink));
    const switched = `${added}Connection: Upgrade\r\nUpgrade: ${head.field('upgrade') ?? protocol}\r\n`;
    putInterimHead(out, head, plan.answerFilter, switched);
    out.writeTo(this.#client.wire);
    const client = this.#client.becomeTunnel();
    this.#touch();
    const events = { moved: () => this.#touch(), over: () => this.#finish(undefined, false) };
    this.#tunnel = new ByteTunnel(client.wire, wire, protocol, out, events);
    this.#lasts();
    this.#tunnel.start(client.early, rest);
  }

  /** cut ends the exchange from our side; a client without an answer yet gets `reason`. */
  cut(reason: Fault, style: CutStyle): void {
    if (this.#stage === 'over') return;
    if (this.#tunnel) {
      this.#finish(reason, false);
      return void this.#tunnel.cut(style);
    }
    if (style !== 'goodbye' || this.kind !== 'stream') return void this.#fail(reason);
    const { out } = this.#context;
    const goodbye = Buffer.from(this.#tail?.goodbye() ?? '');
    if (goodbye.length > 0) putData(out, goodbye, 0, goodbye.length, this.#framing === 'chunked');
    if (this.#framing === 'chunked') putLastChunk(out, '');
    out.writeTo(this.#client.wire);
    this.#abandonUpstream();
    this.#finish(reason, false);
    this.#client.exchangeDone(true);
  }

  /** tick ends the exchange when the side that should move does not. */
  tick(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    if (this.#stage === 'tunnel') {
      this.#tunnel?.end();
      return;
    }
    const clientIsLate = this.#stage === 'waiting' && !this.#client.bodyDone && !this.#upstreamIsFull;
    this.#fail(new Fault(clientIsLate ? 'body_timeout' : 'upstream_timeout', { internal: `while ${this.#stage}` }));
  }

  /** keepHead is told when the memory of the head is about to be used again. */
  keepHead(): void {
    this.#request.keep();
  }

  clientGone(): void {
    if (this.#stage === 'over' || this.#stage === 'tunnel') return;
    this.#request.left();
    this.#abandonUpstream();
    this.#finish(undefined, true);
  }

  #abandonUpstream(): void {
    if (this.#upstream) this.#upstream.abandon();
    else if (this.#stage === 'dialling' && this.#target) this.#context.upstreams.leave(this.#target, this);
    this.#upstream = undefined;
  }

  /** fail answers with the fault while that is possible; later the connection is dropped, because a cut-off body must look cut off. */
  #fail(fault: Fault): void {
    if (this.#stage === 'over') return;
    this.#abandonUpstream();
    this.#context.out.drop();
    if (this.#status === 0) return void this.#refuse(fault);
    this.#finish(fault, false);
    this.#client.wire.socket.destroy();
  }

  #refuse(fault: Fault): void {
    const { out, closing } = this.#context;
    const answer = (this.#visit as Visit<Tag>).refuse(fault);
    if (closing || !this.#client.bodyDone) this.#wantsClose = this.#wantsClose || closing;
    putAnswer(
      out,
      answer,
      { httpMinor: this.#request.httpMinor, close: this.#wantsClose },
      this.isHead,
      systemClock.nowMs(),
    );
    out.writeTo(this.#client.wire);
    this.#status = answer.status;
    this.#bytesOut = this.isHead ? 0 : answer.body.length;
    this.#finish(fault, false);
    this.#client.exchangeDone(this.#wantsClose);
  }

  #finish(fault: Fault | undefined, clientGone: boolean): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#context.open.delete(this);
    this.#uncount();
    this.#request.over();
    const { bytesIn, bytesOut } = this.#tunnel ?? { bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    const outcome: Outcome = { status: this.#status, clientGone, bytesIn, bytesOut };
    this.#visit?.finished(fault ? { ...outcome, fault } : outcome);
  }
}
