import { Fault } from '@nm/kernel/fault';
import { segment } from '../transport/kube-paths.js';
import type { PodPlace } from './exec.js';
import type { StreamTransport } from './stream-transport.js';

export interface LogOptions {
  /** Of the container before its last restart. */
  readonly previous?: boolean;
  /** Only the last so many lines of what there is. */
  readonly tail?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** LogLine is one line of one container. */
export interface LogLine {
  readonly pod: string;
  readonly container: string | undefined;
  /** When the container runtime got it: RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly text: string;
}

const lineCharsMax = 1024 * 1024;

/** readLogs gives what a container has said so far. @throws Fault kube_api when it has not started or has no previous run */
export async function readLogs(
  transport: StreamTransport,
  place: PodPlace,
  options: LogOptions = {},
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of streamLogs(transport, place, options)) lines.push(line);
  return lines;
}

/** streamLogs reads one container's log to its end; with `follow` as long as this run of the container lasts. */
export async function* streamLogs(
  transport: StreamTransport,
  place: PodPlace,
  options: LogOptions & { readonly follow?: boolean } = {},
): AsyncGenerator<LogLine> {
  const { container } = place;
  const body = await transport.stream(`/api/v1/namespaces/${segment(place.namespace)}/pods/${segment(place.pod)}/log`, {
    query: {
      container,
      previous: options.previous,
      follow: options.follow,
      tailLines: options.tail,
      sinceSeconds: options.sinceSeconds,
      sinceTime: options.sinceTime,
      limitBytes: options.limitBytes,
      timestamps: true,
    },
    signal: options.signal,
  });
  for await (const line of linesOf(body)) {
    const space = line.indexOf(' ');
    const time = space < 0 ? line : line.slice(0, space);
    yield { pod: place.pod, container, time, text: space < 0 ? '' : line.slice(space + 1) };
  }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineCharsMax)
      throw new Fault('kube_api', { public: `A log line is longer than ${lineCharsMax} characters.` });
    yield* lines;
  }
  if (rest !== '') yield rest;
}
