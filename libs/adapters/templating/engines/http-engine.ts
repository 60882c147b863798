import { isFault } from '@nm/kernel/fault';
import { type Dispatcher, request } from 'undici';
import { manifestsOf, valuesOf } from './engine-output.js';
import {
  engineFailed,
  engineLimit,
  engineUnavailable,
  type Ktea,
  type TemplatingEngine,
  uriOf,
  versionOf,
} from './templating-engine.js';

export interface HttpEngineOptions {
  /** Connects; an egress agent, unless the address is the operator's own. */
  readonly dispatcher: Dispatcher;
  /** Names what templates name things after: the install's namespace. */
  readonly release: string;
  /** Where an engine is, without its version. Default: its `uri`. */
  readonly baseOf?: (ktea: Ktea) => string;
  /** Sent as Bearer credential. Only ever for an address that may know it: whoever has an install's token is that install. */
  readonly token?: string;
  /** Headers by which the address knows who asks, for one that is reached through something that wants to know. As with `token`. */
  readonly identity?: () => Promise<Readonly<Record<string, string | string[]>>>;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
}

interface Call {
  readonly method: 'GET' | 'POST';
  /** Below the base, as servers of today have it, and as those of the first generation had it. */
  readonly path: string;
  readonly body?: { readonly now: unknown; readonly older: unknown };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
}

const timeoutMsDefault = 20_000;
const answerBytesMaxDefault = 8 * 1024 * 1024;
const wordsMax = 300;

/**
 * httpEngine asks a server: `GET <uri>/<version>/values`, `POST …/template` with the values as the body, `GET …/presets/<name>`. One that
 * knows no such path is asked as servers of the first generation were: `/api/values`, and `/api/template` with the values within `{values}`. Redirects
 * are not followed; what is not 200 is an error in the server's own words.
 */
export function httpEngine(options: HttpEngineOptions): TemplatingEngine {
  const query = ({ args }: Ktea, more: Readonly<Record<string, string>> = {}): string => {
    const words = Array.isArray(args) ? args.join(' ') : args;
    const all = { ...more, ...(typeof words === 'string' && words !== '' ? { args: words } : {}) };
    return Object.keys(all).length === 0 ? '' : `?${new URLSearchParams(all).toString()}`;
  };
  const ask = (ktea: Ktea, call: Call, signal: AbortSignal) => askEither(options, ktea, call, signal);
  return {
    defaults: async (ktea, signal) => {
      const data = await ask(ktea, { method: 'GET', path: `/values${query(ktea)}` }, signal);
      return valuesOf(data, uriOf(ktea));
    },
    template: async (ktea, values, signal) => {
      const path = `/template${query(ktea, { release_name: options.release })}`;
      const body = { now: values, older: { values } };
      return manifestsOf(await ask(ktea, { method: 'POST', path, body }, signal), uriOf(ktea));
    },
    preset: async (ktea, name, signal) => {
      const path = `/presets/${encodeURIComponent(name)}${query(ktea)}`;
      const data = valuesOf(await ask(ktea, { method: 'GET', path }, signal), uriOf(ktea));
      return valuesOf(data['assignments'] ?? {}, uriOf(ktea));
    },
  };
}

/** The member `data` of what the server answers. */
async function askEither(options: HttpEngineOptions, ktea: Ktea, call: Call, signal: AbortSignal): Promise<unknown> {
  const base = baseUrl(options.baseOf?.(ktea) ?? uriOf(ktea), versionOf(ktea));
  const answer = await send(options, base + call.path, call.method, call.body?.now, signal);
  if (answer.status !== 404 && answer.status !== 405) return dataOf(answer, base);
  const older = await send(options, `${base}/api${call.path}`, call.method, call.body?.older, signal);
  return dataOf(older.status === 404 || older.status === 405 ? answer : older, base);
}

function baseUrl(uri: string, version: string | undefined): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw engineFailed(
      `"${uri.slice(0, wordsMax)}" is no address of an engine: it needs http:// or https://, and no query`,
    );
  const base = uri.replace(/\/+$/, '');
  return version === undefined ? base : `${base}/${encodeURIComponent(version)}`;
}

async function send(
  {
    dispatcher,
    token,
    identity,
    timeoutMs = timeoutMsDefault,
    answerBytesMax = answerBytesMaxDefault,
  }: HttpEngineOptions,
  url: string,
  method: 'GET' | 'POST',
  body: unknown,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await request(url, {
      dispatcher,
      method,
      headers: {
        ...(await identity?.()),
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, deadline]),
    });
    const { location } = answer.headers;
    const text = await readText(answer.body, answerBytesMax);
    return { status: answer.statusCode, text, location: typeof location === 'string' ? location : undefined };
  } catch (error) {
    if (isFault(error)) throw error;
    if (signal.aborted) throw engineLimit('the request was given up, or its time was over');
    const why = deadline.aborted ? `no whole answer within ${timeoutMs} ms` : reasonOf(error);
    throw engineUnavailable(`${originOf(url)}: ${why}`, error);
  }
}

async function readText(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw engineLimit(`it answered more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function dataOf({ status, text, location }: Answer, base: string): unknown {
  if (status >= 300 && status < 400)
    throw engineFailed(
      `${base} redirects to ${(location ?? 'nowhere').slice(0, wordsMax)}; give that address as "uri"`,
    );
  if (status !== 200) {
    const what = `${base} answered ${status}${wordsOf(text)}`;
    if (parsed(text)?.['code'] === 'template_limit') throw engineLimit(what);
    throw status >= 500 || status === 429 ? engineUnavailable(what) : engineFailed(what);
  }
  const value = parsed(text);
  if (value !== undefined && 'data' in value) return value['data'];
  throw engineFailed(`${base} answered without a member "data": ${text.slice(0, 100)}`);
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What a server says of its error, by the names that servers use. */
function wordsOf(text: string): string {
  const { reason, detail, error, message } = parsed(text) ?? {};
  const said = [reason, detail, message, error].find((each) => typeof each === 'string');
  return said === undefined ? '' : `: ${String(said).slice(0, wordsMax).replace(/\.+$/, '')}`;
}

const originOf = (url: string): string => new URL(url).origin;

function reasonOf(error: unknown): string {
  const { code, message, cause } = error as { code?: string; message?: string; cause?: { code?: string } };
  return code ?? cause?.code ?? message ?? 'no answer';
}
