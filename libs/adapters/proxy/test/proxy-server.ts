import { Fault } from '@nm/kernel/fault';
import { type EngineKind, openEngine } from '../engine.js';
import type { Answer, Engine, EngineOptions, Outcome, Plan, Policy, RequestHead, Target } from '../exchange.js';

export interface ProxyServer {
  readonly port: number;
  readonly url: string;
  readonly engine: Engine<string>;
  readonly outcomes: Outcome[];
  close(): Promise<void>;
}

const requestFilter = { names: ['host', 'authorization'], prefixes: [] };
const answerFilter = { names: ['x-secret'], prefixes: [] };

const answerOf = ({ status, code, retryAfterSeconds: seconds }: Fault): Answer => ({
  status,
  fields: seconds === undefined ? '' : `Retry-After: ${seconds}\r\n`,
  body: Buffer.from(code),
});

/** startProxy is the smallest policy on an engine: everything goes to one origin, faults become their status and code. */
export async function startProxy(
  kind: EngineKind,
  origin: () => string,
  options: Partial<EngineOptions> = {},
  redial?: () => Promise<Target | undefined>,
  more: Partial<Plan<string>> = {},
): Promise<ProxyServer> {
  const engine = openEngine<string>(kind, options);
  const outcomes: Outcome[] = [];
  const planOf = (head: RequestHead): Plan<string> => ({
    target: { origin: origin(), path: head.target },
    requestFilter,
    addToRequest: (out) => out.text(`X-Client: ${head.remoteAddress} ${head.scheme}\r\n`),
    answerFilter,
    addToAnswer: (out) => out.text('X-Added: 1\r\n'),
    tag: head.target,
    ...(redial ? { redial } : {}),
    ...more,
  });
  const policy: Policy<string> = {
    refuse: answerOf,
    open: (head) => ({
      plan: () => planOf(head),
      refuse: answerOf,
      finished: (outcome) => void outcomes.push(outcome),
    }),
  };
  const port = await engine.listen({ hosts: ['127.0.0.1'], port: 0, policy });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    engine,
    outcomes,
    close: async () => {
      const closed = engine.closeListeners();
      engine.cutConnections();
      await engine.close();
      await closed;
    },
  };
}
