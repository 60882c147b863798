import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '@nm/adapters/telemetry';
import type { Ktea, TemplatingEngine } from '@nm/adapters/templating';
import { Fault, toFault, toProblem } from '@nm/kernel/fault';
import { RenderCache } from './render-cache.js';

export interface KteaServerOptions {
  /** engineFor gives the engine for a release (the install's namespace). */
  readonly engineFor: (release: string) => TemplatingEngine;
  /** What is asked of it, but for `args` of the request. */
  readonly ktea: Ktea;
  /** Whether requests may bring words of their own for the engine. */
  readonly allowArgs: boolean;
  /** Lets a request in, or throws. */
  readonly admit: (headers: IncomingMessage['headers']) => Promise<void>;
  readonly cacheChars: number;
  readonly log: Logger;
}

const bodyBytesMax = 4 * 1024 * 1024;
const requestMsMax = 60_000;
/** The side that dials closes first. */
const keepAliveMs = 75_000;
const release = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const defaultRelease = 'release';

/**
 * createKteaServer serves an engine as `httpEngine` and the clients before it ask: `GET /values`, `POST /template`, `GET /presets/<name>`, `GET /`,
 * `GET /info`, and the first two below `/api` in the form of the first generation. An engine that fails is an error with a status and a sentence, never an
 * empty answer.
 */
export function createKteaServer(options: KteaServerOptions): Server {
  const cache = new RenderCache(options.cacheChars);
  const server = createServer((request, response) => {
    answer(request, response, options, cache).catch((error: unknown) => refuse(response, error, options.log));
  });
  server.requestTimeout = requestMsMax;
  server.keepAliveTimeout = keepAliveMs;
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: KteaServerOptions,
  cache: RenderCache,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://engine');
  const { path, older } = routeOf(url.pathname);
  if (path === '/healthz' || path === '/ping') return send(response, 200, '{"ping":"pong"}');
  await options.admit(request.headers);
  const { ktea, allowArgs } = options;
  if (path === '/info')
    return send(response, 200, JSON.stringify({ executable: ktea['uri'], version: ktea['version'] }));
  const wanted = wantedOf(url, allowArgs, ktea);
  // Not ended with this client: others may wait for the same answer.
  const signal = AbortSignal.timeout(requestMsMax);
  const render = await renderOf(request, path, older, wanted, options.engineFor(wanted.release), signal);
  const { text, cached } = await cache.of(render.question, render.run);
  send(response, 200, text, cached);
}

interface Wanted {
  readonly release: string;
  readonly ktea: Ktea;
}

function wantedOf(url: URL, allowArgs: boolean, ktea: Ktea): Wanted {
  const name = url.searchParams.get('release_name') ?? defaultRelease;
  if (!release.test(name))
    throw new Fault('bad_request', { public: '"release_name" must be the name of a namespace.' });
  const args = url.searchParams.get('args') ?? '';
  if (args !== '' && !allowArgs)
    throw new Fault('bad_request', {
      public: 'This engine takes no "args": start it with --allow-args, or leave them out.',
    });
  return { release: name, ktea: args === '' ? ktea : { ...ktea, args } };
}

interface Render {
  readonly question: unknown;
  readonly run: () => Promise<string>;
}

async function renderOf(
  request: IncomingMessage,
  path: string,
  older: boolean,
  { release: name, ktea }: Wanted,
  engine: TemplatingEngine,
  signal: AbortSignal,
): Promise<Render> {
  const question = [path, name, ktea];
  const data = async (work: Promise<unknown>) => JSON.stringify({ data: await work });
  const [, preset] = /^\/presets\/([^/]+)$/.exec(path) ?? [];
  const method = request.method ?? '';
  if (method === 'GET' && path === '/values') return { question, run: () => data(engine.defaults(ktea, signal)) };
  if (method === 'GET' && path === '/') return { question, run: () => data(unchanged(engine, ktea, signal)) };
  if (method === 'GET' && preset !== undefined) {
    const assignments = async () => ({
      assignments: (await engine.preset?.(ktea, decodeURIComponent(preset), signal)) ?? {},
    });
    return { question, run: () => data(assignments()) };
  }
  if (method !== 'POST' || path !== '/template') throw new Fault('not_found', { public: 'There is no such route.' });
  const body = await readObject(request);
  const values = older ? objectOf(body['values']) : body;
  return { question: [...question, values], run: () => data(engine.template(ktea, values, signal)) };
}

/** What the engine makes of its own defaults. */
const unchanged = async (engine: TemplatingEngine, ktea: Ktea, signal: AbortSignal) =>
  engine.template(ktea, await engine.defaults(ktea, signal), signal);

const routeOf = (path: string): { path: string; older: boolean } => {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  const older = trimmed.startsWith('/api/');
  return { path: older ? trimmed.slice('/api'.length) : trimmed, older };
};

async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Fault('body_too_large');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  try {
    return objectOf(text === '' ? {} : (JSON.parse(text) as unknown));
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('malformed_json', { cause });
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Fault('invalid_body', { public: 'The values must be a JSON object.' });
}

function send(response: ServerResponse, status: number, text: string, cached?: boolean): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(cached === undefined ? {} : { 'x-engine-cache': cached ? 'hit' : 'miss' }),
  });
  response.end(text);
}

function refuse(response: ServerResponse, error: unknown, log: Logger): void {
  const fault = toFault(error);
  if (fault.status >= 500) log.error({ err: error }, 'request failed');
  if (response.headersSent || response.destroyed) return void response.destroy();
  // A body that was not read to its end would be taken for the next request.
  response.setHeader('connection', 'close');
  send(response, fault.status, JSON.stringify({ ...toProblem(fault), error: fault.code, reason: fault.publicMessage }));
}
