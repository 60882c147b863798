import type { KatContext } from '../kinds/kat-context.js';
import type { KindMap, ResourceOf } from '../kinds/kind-map.js';
import { OneShot } from './one-shot.js';

export interface CurlPodOptions {
  /** Host, with a port when it is not 80: a service's `fqdn`, a pod's address. */
  readonly target: string;
  readonly ns?: string;
  /** Any image with `curl` and `sleep`. */
  readonly image?: string;
  readonly deadlineSeconds?: number;
}

export interface CurlOptions {
  readonly verb?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default 5. */
  readonly timeoutSeconds?: number;
}

export interface CurlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds from the start until the name was resolved, connected, answered, over. */
  readonly timings: {
    readonly dns: number;
    readonly connect: number;
    readonly firstByte: number;
    readonly total: number;
  };
}

/** Why there was no answer. */
export interface CurlFailure {
  readonly kind: 'dns' | 'refused' | 'timeout' | 'tls' | 'other';
  readonly exitCode: number;
  readonly message: string;
}

interface WriteOut {
  readonly http_code: number;
  readonly size_header: number;
  readonly time_namelookup: number;
  readonly time_connect: number;
  readonly time_starttransfer: number;
  readonly time_total: number;
}

const imageDefault = 'curlimages/curl:8.11.1';
/** curl(1), EXIT CODES. */
const kinds: Readonly<Record<number, CurlFailure['kind']>> = {
  6: 'dns',
  7: 'refused',
  28: 'timeout',
  35: 'tls',
  60: 'tls',
};

/** CurlPod asks from inside of the cluster, by a pod that is removed with it (`await using`), by `delete`, or by its deadline. */
export class CurlPod {
  readonly #shot: OneShot;
  readonly #pod: ResourceOf<KindMap['pods']>;
  readonly #target: string;
  /** Why the newest request had no answer. */
  lastFailure: CurlFailure | undefined;

  private constructor(shot: OneShot, pod: ResourceOf<KindMap['pods']>, target: string) {
    this.#shot = shot;
    this.#pod = pod;
    this.#target = target;
  }

  /** open starts it and waits until it runs. @throws Fault kube_api, kube_wait_timeout */
  static async open(kat: KatContext, options: CurlPodOptions): Promise<CurlPod> {
    const { target, image = imageDefault, deadlineSeconds = 300, ...rest } = options;
    const command = ['sleep', `${deadlineSeconds}`];
    const shot = await OneShot.start(kat, { ...rest, image, command, deadlineSeconds, name: 'curl-pod' });
    try {
      return new CurlPod(shot, await shot.pod(['Running']), target);
    } catch (error) {
      await shot.remove();
      throw error;
    }
  }

  get name(): string {
    return this.#pod.name;
  }

  /** curl asks for a path of the target; null when nobody answers (see `lastFailure`). Every status is an answer. */
  async curl(path = '/', options: CurlOptions = {}): Promise<CurlAnswer | null> {
    const { verb = 'GET', headers = {}, body, timeoutSeconds = 5 } = options;
    const url = /^https?:/.test(this.#target) ? this.#target : `http://${this.#target}`;
    const command = [
      ...['curl', '-sS', '-i', '--http1.1', '--max-time', `${timeoutSeconds}`, '-X', verb, '-w', '%{stderr}\n%{json}'],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ...(body === undefined ? [] : ['--data-binary', '@-']),
      `${url}${path}`,
    ];
    const { code, stdout, stderr } = await this.#pod.cmd(command, body === undefined ? {} : { stdin: body });
    const lines = stderr.trimEnd().split('\n');
    if (code !== 0) {
      this.lastFailure = { kind: kinds[code] ?? 'other', exitCode: code, message: lines[0] ?? '' };
      return null;
    }
    this.lastFailure = undefined;
    return answerOf(Buffer.from(stdout), JSON.parse(lines.at(-1) ?? '{}') as WriteOut);
  }

  async delete(): Promise<void> {
    await this.#shot.remove();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.delete();
  }
}

function answerOf(said: Buffer, out: WriteOut): CurlAnswer {
  const blocks = said.subarray(0, out.size_header).toString('latin1').trimEnd().split('\r\n\r\n');
  const [, ...lines] = (blocks.at(-1) ?? '').split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const ms = (seconds: number) => Math.round(seconds * 1000);
  return {
    status: out.http_code,
    headers: Object.fromEntries(headers),
    body: said.subarray(out.size_header).toString('utf8'),
    timings: {
      dns: ms(out.time_namelookup),
      connect: ms(out.time_connect),
      firstByte: ms(out.time_starttransfer),
      total: ms(out.time_total),
    },
  };
}
