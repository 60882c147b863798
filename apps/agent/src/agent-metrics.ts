import { Counter, Gauge, type Registry } from 'prom-client';

export interface AgentMetrics {
  readonly bytes: (direction: 'in' | 'out', bytes: number) => void;
  stream(): void;
  tried(result: 'connected' | 'refused' | 'failed'): void;
}

/** agentMetrics: what this agent carries and how often it had to dial. Directions are seen from the cluster: `in` comes from NMachine. */
export function agentMetrics(registry: Registry, isUp: () => boolean, streams: () => number): AgentMetrics {
  const registers = [registry];
  const bytes = new Counter({
    name: 'nm_agent_bytes_total',
    help: 'Bytes that the tunnel carried.',
    labelNames: ['direction'],
    registers,
  });
  const opened = new Counter({ name: 'nm_agent_streams_total', help: 'Connections that were asked for.', registers });
  const dials = new Counter({
    name: 'nm_agent_dials_total',
    help: 'Tries to open a tunnel, by result.',
    labelNames: ['result'],
    registers,
  });
  new Gauge({
    name: 'nm_agent_up',
    help: '1 while a tunnel stands.',
    registers,
    collect() {
      this.set(isUp() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'nm_agent_streams',
    help: 'Connections that are open.',
    registers,
    collect() {
      this.set(streams());
    },
  });
  return {
    bytes: (direction, count) => bytes.inc({ direction }, count),
    stream: () => opened.inc(),
    tried: (result) => dials.inc({ result }),
  };
}
