import { Counter, type Metric, type Registry } from 'prom-client';

/**
 * Tallies are metrics that every request touches: counting is one addition, and prom-client, which looks labels up by text, is told when somebody asks for them.
 */
interface TallyOptions {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
}

/** How often something was. */
export interface Tally {
  count: number;
}

/** codeTally counts by one label with few values. @returns what gives the tally of a value, to be counted up */
export function codeTally({ name, help, registry }: TallyOptions, label: string): (value: string) => Tally {
  const counts = new Map<string, Tally>();
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, { count }] of counts) this.inc({ [label]: value }, count);
    },
  });
  return (value) => {
    let tally = counts.get(value);
    if (!tally) {
      tally = { count: 0 };
      counts.set(value, tally);
    }
    return tally;
  };
}

/** timeTally is a histogram of seconds. @param bounds of the buckets, ascending */
export function timeTally(
  { name, help, registry }: TallyOptions,
  bounds: readonly number[],
): (seconds: number) => void {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  const valuesOf = () => {
    let total = 0;
    const buckets = [...bounds, '+Inf'].map((le, i) => {
      total += counts[i] as number;
      return { metricName: `${name}_bucket`, labels: { le }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sum },
      { metricName: `${name}_count`, labels: {}, value: total },
    ];
  };
  const metric = {
    name,
    get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: valuesOf() }),
  };
  // What a registry asks of a metric, though its type names prom-client's own classes only.
  registry.registerMetric(metric as unknown as Metric);
  return (seconds) => {
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + 1;
    sum += seconds;
  };
}
