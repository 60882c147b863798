import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fault } from '@nm/kernel/fault';
import { faultOfStatus, type KubeStatus } from '../transport/kube-faults.js';
import { segment } from '../transport/kube-paths.js';
import { type Captured, capture } from './capture.js';
import { Channels, channel, cutOff } from './channels.js';
import type { StreamTransport } from './stream-transport.js';

/** PodPlace says which pod, and which of its containers, a stream goes to. */
export interface PodPlace {
  readonly namespace: string;
  readonly pod: string;
  /** Default: the pod's default container (annotation `kubectl.kubernetes.io/default-container`, else the first). */
  readonly container?: string | undefined;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface OpenExecOptions {
  readonly stdin?: boolean;
  /** A terminal: stderr is part of stdout then. */
  readonly tty?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** See `UpgradeOptions`. */
  readonly beforeSend?: (() => void) | undefined;
}

/** ExecStream is a running command (or, from attach, a running container). Read (or destroy) both outputs: one left full holds up all. */
export interface ExecStream {
  /** Absent without `stdin: true`. End it to tell the program that there is no more. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code. Rejects with Fault kube_api when the command could not be run, cluster_unreachable when the connection broke. */
  readonly exit: Promise<number>;
  resize(size: TerminalSize): void;
  /** Ends the stream; the program gets a hang-up when it had a terminal, and may go on otherwise. */
  close(): void;
}

export interface ExecOptions {
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array | string> | undefined;
  readonly tty?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** For the whole command. */
  readonly timeoutMs?: number;
  /** Of stdout and of stderr each; more is a fault, not a silent cut. Default 16 MiB. */
  readonly outputBytesMax?: number;
  /** Keep the beginning of an output that is larger, instead of failing. */
  readonly cutOutput?: boolean;
  /** See `UpgradeOptions`. */
  readonly beforeSend?: (() => void) | undefined;
}

/** ExecResult is how a command ended. */
export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ok: boolean;
}

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const outputBytesMaxDefault = 16 * 1024 * 1024;

/** openExec starts a command in a container. @throws Fault kube_api (no such pod or container), cluster_forbidden */
export const openExec = (
  transport: StreamTransport,
  place: PodPlace,
  command: readonly string[],
  options: OpenExecOptions = {},
): Promise<ExecStream> => openRemote(transport, 'exec', place, { command }, options);

/** openAttach joins the program that a container runs already: what it prints from now on, and its stdin where the container has one. */
export const openAttach = (
  transport: StreamTransport,
  place: PodPlace,
  options: OpenExecOptions = {},
): Promise<ExecStream> => openRemote(transport, 'attach', place, {}, options);

async function openRemote(
  transport: StreamTransport,
  verb: 'exec' | 'attach',
  place: PodPlace,
  repeated: Readonly<Record<string, readonly string[]>>,
  options: OpenExecOptions,
): Promise<ExecStream> {
  const path = `/api/v1/namespaces/${segment(place.namespace)}/pods/${segment(place.pod)}/${verb}`;
  const { stdin = false, tty = false, signal, beforeSend } = options;
  const query = { container: place.container, stdin, stdout: true, stderr: !tty, tty };
  const socket = await transport.upgrade(path, { query, repeated, protocols, signal, beforeSend });
  return execStreamOf(new Channels(socket), { stdin, signal });
}

/** execStreamOf speaks the remote command protocol over channels that are open. */
export function execStreamOf(
  channels: Channels,
  options: { readonly stdin: boolean; readonly signal?: AbortSignal | undefined },
): ExecStream {
  const { signal } = options;
  const status = capture(channels.readable(channel.status), 1024 * 1024);
  const onAbort = () => channels.terminate();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const exit = (async () => {
    const said = await status;
    signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted && said.bytes.length === 0) throw signal.reason;
    return exitCodeOf(said);
  })();
  // Who only reads the output need not ask for the code.
  exit.catch(() => undefined);
  return {
    stdin: options.stdin ? channels.writable(channel.stdin) : undefined,
    stdout: channels.readable(channel.stdout),
    stderr: channels.readable(channel.stderr),
    exit,
    resize: ({ columns, rows }) =>
      channels.send(channel.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    close: () => channels.close(),
  };
}

/** The status channel carries one Status object; the exit code is one of its causes. */
function exitCodeOf(said: Captured): number {
  if (said.bytes.length === 0) throw cutOff();
  const status = JSON.parse(said.bytes.toString('utf8')) as ExitStatus;
  if (status.status === 'Success') return 0;
  const exit = status.details?.causes?.find((cause) => cause.reason === 'ExitCode');
  if (status.reason === 'NonZeroExitCode' && exit) return Number(exit.message);
  throw faultOfStatus(status.code ?? 500, status);
}

interface ExitStatus extends KubeStatus {
  readonly status?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
  };
}

/**
 * exec runs a command to its end. An exit code other than 0 is a result, not a fault.
 * @throws Fault kube_api when it could not be started or says more than `outputBytesMax`; what aborts the signal
 */
export async function exec(
  transport: StreamTransport,
  place: PodPlace,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { stdin, tty = false, outputBytesMax = outputBytesMaxDefault, beforeSend } = options;
  const signal = deadline(options);
  const stream = await openExec(transport, place, command, { stdin: stdin !== undefined, tty, signal, beforeSend });
  const ended = new AbortController();
  try {
    const fed = stdin === undefined || !stream.stdin ? undefined : feed(stream.stdin, stdin, ended.signal);
    const [code, stdout, stderr] = await Promise.race([
      Promise.all([stream.exit, capture(stream.stdout, outputBytesMax), capture(stream.stderr, outputBytesMax)]),
      failureOf(fed),
    ]);
    if ((stdout.cut || stderr.cut) && !options.cutOutput) throw tooMuch(outputBytesMax);
    return { code, stdout: stdout.bytes.toString('utf8'), stderr: stderr.bytes.toString('utf8'), ok: code === 0 };
  } finally {
    ended.abort();
    stream.close();
  }
}

/** Never resolves: a command may end before it has read everything. */
const failureOf = (work: Promise<void> | undefined): Promise<never> =>
  new Promise((_, reject) => void work?.catch(reject));

function deadline(options: ExecOptions): AbortSignal | undefined {
  if (options.timeoutMs === undefined) return options.signal;
  const timeout = AbortSignal.timeout(options.timeoutMs);
  return options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
}

/** A program that ends before it has read everything (`head -1`) is no error; a source that fails is. */
async function feed(writer: Writable, stdin: NonNullable<ExecOptions['stdin']>, ended: AbortSignal): Promise<void> {
  const whole = typeof stdin === 'string' || stdin instanceof Uint8Array;
  const source = whole ? [Buffer.from(stdin as Uint8Array)] : stdin;
  await pipeline(source, writer, { signal: ended }).catch((error: unknown) => {
    if (!ended.aborted && !(error instanceof Fault)) throw error;
  });
}

const tooMuch = (bytesMax: number): Fault =>
  new Fault('kube_api', {
    public: `The command said more than ${bytesMax} bytes. Read its output as a stream instead.`,
    extra: { reason: 'OutputTooLarge' },
  });
