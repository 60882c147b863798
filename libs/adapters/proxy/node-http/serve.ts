import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Fault, toFault } from '@nm/kernel/fault';
import { bodyFault } from '../bounds.js';
import type { Outcome, Plan, Policy, Visit } from '../exchange.js';
import { linesFrom, pairsOf } from '../field-lines.js';
import { valuesOf } from '../headers.js';
import type { TrustedPeers } from '../trusted-peers.js';
import { viaFault } from '../via.js';
import { Forward, type ForwardContext } from './forward.js';
import { NodeRequestHead } from './request-head.js';
import { Tunnel, type TunnelOutcome } from './tunnel.js';
import { responseOn, writeAnswer } from './write-answer.js';

export interface ServeContext<Tag> extends ForwardContext<Tag> {
  readonly policy: Policy<Tag>;
  readonly trusted: TrustedPeers;
  readonly headMs: number;
}

/** serve takes one request from its head to the end of its answer; it never rejects. */
export async function serve<Tag>(
  context: ServeContext<Tag>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const visit = context.policy.open(new NodeRequestHead(request, request.socket, context.trusted));
  try {
    refuseLoop(context, request);
    const planned = visit.plan();
    const plan = planned instanceof Promise ? await planned : planned;
    const tooLarge = bodyFault(plan.bodyBytesMax, Number(request.headers['content-length'] ?? 0));
    if (tooLarge) throw tooLarge;
    const forward = new Forward(context, request, response, plan);
    forward.start();
    const outcome = await forward.done;
    if (outcome.fault && outcome.status === 0 && !outcome.clientGone) throw outcome.fault;
    visit.finished(outcome);
  } catch (error) {
    refuse(context, visit, request, response, toFault(error));
  }
}

function refuseLoop<Tag>({ pseudonym }: ServeContext<Tag>, { rawHeaders }: IncomingMessage): void {
  const via = valuesOf(rawHeaders, 'via');
  const fault = via.length > 0 ? viaFault(via.join(','), pseudonym) : undefined;
  if (fault) throw fault;
}

/** serveUpgrade carries a tunnel, or answers like `serve`; it never rejects. */
export async function serveUpgrade<Tag>(
  context: ServeContext<Tag>,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const visit = context.policy.open(new NodeRequestHead(request, socket, context.trusted, request.headers.upgrade));
  try {
    refuseLoop(context, request);
    const planned = visit.plan();
    const plan = planned instanceof Promise ? await planned : planned;
    const tunnel = new Tunnel(context, request, socket, head, plan);
    tunnel.start();
    const outcome = await tunnel.done;
    if (outcome.fault && outcome.status === 0) throw outcome.fault;
    visit.finished(outcome.refusal ? relayRefusal(request, socket, plan, outcome) : outcome);
  } catch (error) {
    refuse(context, visit, request, responseOn(request, socket), toFault(error));
  }
}

/** An upstream that does not switch protocols answers; its status and fields go on, as the end of this connection. */
function relayRefusal<Tag>(request: IncomingMessage, socket: Duplex, plan: Plan<Tag>, outcome: TunnelOutcome): Outcome {
  const { status, headers } = outcome.refusal ?? { status: 502, headers: [] };
  const response = responseOn(request, socket);
  response
    .writeHead(status, [...headers, ...pairsOf(linesFrom((out) => plan.addToAnswer(out))), 'Content-Length', '0'])
    .end();
  return { ...outcome, status };
}

function refuse<Tag>(
  context: ServeContext<Tag>,
  visit: Visit<Tag>,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
): void {
  const clientGone = response.destroyed || request.socket.destroyed;
  const answer = visit.refuse(fault);
  if (!clientGone) writeAnswer(request, response, answer, context.closing());
  visit.finished({
    status: answer.status,
    fault,
    clientGone,
    bytesIn: 0,
    bytesOut: clientGone ? 0 : answer.body.length,
  });
}
