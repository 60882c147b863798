import { isFault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import { until } from './patience.js';
import type { StepContext, StepExecutor, StepOf } from './step-context.js';

interface Probe {
  readonly name: string;
  readonly send: (signal: AbortSignal) => Promise<Dispatcher.ResponseData>;
}

const probeMsMax = 5_000;

/**
 * waitForHttp asks again and again until the expected status is answered. Redirects are not followed: a 302 is an answer.
 * @throws Fault run_timeout with the last answer; egress_denied for a url that may not be dialled
 */
export const waitForHttp: StepExecutor<'wait-for-http'> = async (step, context) => {
  const probe = await probeOf(step, context);
  let last = 'nothing yet';
  const look = async (): Promise<{ status: number } | undefined> => {
    const seen = await ask(probe, context);
    if (seen !== last) await context.log(`${probe.name} answered ${seen}`);
    last = seen;
    return seen === String(step.expectStatus) ? { status: step.expectStatus } : undefined;
  };
  return until(context, step.timeoutSeconds, look, () => `${probe.name} answered ${last}`);
};

async function ask(probe: Probe, { signal }: StepContext): Promise<string> {
  const limit = AbortSignal.timeout(probeMsMax);
  try {
    const { statusCode, body } = await probe.send(AbortSignal.any([signal, limit]));
    await body.dump();
    return String(statusCode);
  } catch (error) {
    signal.throwIfAborted();
    // An address that is not allowed will not become so.
    if (isFault(error)) throw error;
    return limit.aborted ? `nothing within ${probeMsMax / 1000} s` : `not at all (${codeOf(error)})`;
  }
}

async function probeOf(step: StepOf<'wait-for-http'>, context: StepContext): Promise<Probe> {
  const { session, egress, namespace } = context;
  if (!step.service) {
    const url = new URL(step.url ?? '');
    return { name: url.href, send: (signal) => send(egress, url, {}, signal) };
  }
  const { name, port, path } = step.service;
  const prefix = `/api/v1/namespaces/${namespace}/services/${encodeURIComponent(`${name}:${port}`)}/proxy`;
  const label = `Service ${name}:${port}${path}`;
  return {
    name: label,
    send: async (signal) => {
      const current = await session.current();
      const { server } = current;
      const target = new URL(`${server.pathname.replace(/\/+$/, '')}${prefix}${path}`, server);
      const authorization = await current.authorization();
      return send(current.dispatcher, target, authorization ? { authorization } : {}, signal);
    },
  };
}

const send = (dispatcher: Dispatcher, url: URL, headers: Record<string, string>, signal: AbortSignal) =>
  dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    headers: { 'user-agent': 'nmachine', ...headers },
    signal,
  });

const codeOf = (error: unknown): string => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(code ?? message ?? 'unknown');
};
