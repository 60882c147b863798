import { Counter, Gauge, type Registry } from 'prom-client';
import { codeTally, type Tally, timeTally } from './tallies.js';

export interface GatewayMetrics {
  /** @param status as the client saw it; 499 when it left */
  finished(status: number, seconds: number): void;
  /** Where decisions of this code are counted. */
  decided(code: string): Tally;
  woke(result: string): void;
  /** A budget was used up. */
  limited(kind: string, scope: string): void;
  /** Decisions that were written down, or lost because too many were pending. */
  recorded(result: 'written' | 'dropped', count: number): void;
  /** Calls to clusters that changed something were written down, or lost likewise. */
  callsRecorded(result: 'written' | 'dropped', count: number): void;
}

export interface GatewayGauges {
  readonly openByKind: () => Record<string, number>;
  readonly connections: () => { readonly client: number; readonly upstream: number };
  readonly working: () => number;
  readonly slotsInUse: () => number;
  readonly waiting: () => number;
  readonly storeAgeSeconds: () => number;
}

/** gatewayMetrics: no label names a tenant, or one tenant's growth would be everybody's scrape. */
export function gatewayMetrics(registry: Registry, gauges: GatewayGauges): GatewayMetrics {
  const registers = [registry];
  const requests = codeTally(
    { name: 'nm_gateway_requests_total', help: 'Requests by status class.', registry },
    'class',
  );
  const decided = codeTally({ name: 'nm_gateway_decisions_total', help: 'Decisions by code.', registry }, 'code');
  const wakes = new Counter({
    name: 'nm_gateway_wakes_total',
    help: 'Wakes by result.',
    labelNames: ['result'],
    registers,
  });
  const limited = new Counter({
    name: 'nm_gateway_limited_total',
    help: 'Requests refused by a limit, by what was used up and whose it was.',
    labelNames: ['kind', 'scope'],
    registers,
  });
  const recorded = byResult(
    registry,
    'nm_gateway_decision_samples_total',
    'Rows of recorded decisions: written, and dropped decisions.',
  );
  const calls = byResult(
    registry,
    'nm_gateway_cluster_calls_total',
    'Calls through the cluster proxy that changed something: written down, and dropped.',
  );
  const seconds = timeTally(
    {
      name: 'nm_gateway_request_seconds',
      help: 'Time from the request to the end of its answer, streams included.',
      registry,
    },
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  );
  registerGauges(registers, gauges);
  /** Found once each. */
  const ofClass: (Tally | undefined)[] = [];
  return {
    finished: (status, elapsed) => {
      const at = Math.floor(status / 100);
      const name = classes[at];
      if (name !== undefined) {
        ofClass[at] ??= requests(name);
        ofClass[at].count++;
      }
      seconds(elapsed);
    },
    decided,
    limited: (kind, scope) => limited.inc({ kind, scope }),
    recorded: (result, count) => recorded.inc({ result }, count),
    callsRecorded: (result, count) => calls.inc({ result }, count),
    woke: (result) => wakes.inc({ result }),
  };
}

/** Of a status that was never sent there is none. */
const classes = [undefined, '1xx', '2xx', '3xx', '4xx', '5xx'];

const byResult = (registry: Registry, name: string, help: string): Counter<'result'> =>
  new Counter({ name, help, labelNames: ['result'], registers: [registry] });

function registerGauges(registers: Registry[], gauges: GatewayGauges): void {
  new Gauge({
    name: 'nm_gateway_open_exchanges',
    help: 'Open requests, streams and tunnels.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(gauges.openByKind())) this.set({ kind }, count);
    },
  });
  new Gauge({
    name: 'nm_gateway_connections',
    help: 'Connections that stand, idle ones included, by side.',
    labelNames: ['side'],
    registers,
    collect() {
      for (const [side, count] of Object.entries(gauges.connections())) this.set({ side }, count);
    },
  });
  new Gauge({
    name: 'nm_gateway_working_requests',
    help: 'Requests that count against the bound on work under way.',
    registers,
    collect() {
      this.set(gauges.working());
    },
  });
  new Gauge({
    name: 'nm_gateway_limit_slots_in_use',
    help: 'Requests booked on limits of concurrency, once for each licence, app or organisation that has one.',
    registers,
    collect() {
      this.set(gauges.slotsInUse());
    },
  });
  new Gauge({
    name: 'nm_gateway_waiting_requests',
    help: 'Requests that wait for an instance.',
    registers,
    collect() {
      this.set(gauges.waiting());
    },
  });
  new Gauge({
    name: 'nm_gateway_store_age_seconds',
    help: 'Since memory was last held against the store.',
    registers,
    collect() {
      this.set(gauges.storeAgeSeconds());
    },
  });
}
