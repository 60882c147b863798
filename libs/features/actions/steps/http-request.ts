import { Fault, isFault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { serviceIssues } from '../plan/plan-issue.js';
import { type HttpTarget, httpTarget } from './http-target.js';
import { patiently } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** These have the same effect however often they arrive (RFC 9110 §9.2.2). */
const idempotent = new Set(['GET', 'PUT', 'DELETE']);
const answerCharsMax = 2_000;

/** What the API server's proxy asks for, by method. */
const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Sends one HTTP request. */
export const httpRequestKind: StepKindSpec<'http-request'> = {
  check: (step, path) => (step.service ? serviceIssues(step.service, `${path}.service`) : []),
  needs: (step, needs) => {
    const { service } = step;
    const verb = verbs[step.method] ?? 'create';
    if (service) needs.question({ verb, group: '', resource: 'services/proxy', name: service.name });
  },
  execute: async (step, context) => {
    const target = httpTarget(step, context);
    if (idempotent.has(step.method)) return patiently(context, () => ask(step, target, context));
    return atMostOnce(context, () => ask(step, target, context));
  },
};

const Sent = z.object({ sent: z.literal(true) });

/**
 * atMostOnce writes down that the work begins before it begins. Found again without a result, nobody can say whether it had its effect: it is
 * not done a second time. @throws Fault step_unknown
 */
export async function atMostOnce<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
  if (Sent.safeParse(context.noted).success) throw new Fault('step_unknown');
  await context.note({ sent: true });
  context.guard();
  try {
    return await work();
  } catch (error) {
    // An answer, or a dial that was refused, settles what happened: a retry may send it anew.
    if (isFault(error) && error.code === 'step_failed') await context.note({});
    throw error;
  }
}

async function ask(step: StepOf<'http-request'>, target: HttpTarget, context: StepContext): Promise<unknown> {
  const { signal } = context;
  const limit = AbortSignal.timeout(step.timeoutSeconds * 1000);
  context.guard();
  const { statusCode, text } = await read(step, target, AbortSignal.any([signal, limit])).catch((error: unknown) => {
    signal.throwIfAborted();
    throw brokenOff(step, target, limit.aborted, error);
  });
  await context.log(`${target.name} answered ${statusCode}`);
  if (step.expectStatus.includes(statusCode)) return { status: statusCode, body: text };
  throw new Fault('step_failed', {
    public: `${target.name} answered ${statusCode}: ${text.slice(0, 500) || 'nothing'}`,
    extra: { reason: `Http${statusCode}` },
  });
}

async function read(step: StepOf<'http-request'>, target: HttpTarget, signal: AbortSignal) {
  const answer = await target.send({ method: step.method, body: step.body }, signal);
  return { statusCode: answer.statusCode, text: await beginningOf(answer.body) };
}

/** What follows the beginning is thrown away with its connection: an answer may be endless. */
async function beginningOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk as Buffer, { stream: true });
    if (text.length >= answerCharsMax) break;
  }
  return text.slice(0, answerCharsMax);
}

/** A refused dial sent nothing; whatever else broke off may have arrived. */
function brokenOff(step: StepOf<'http-request'>, target: HttpTarget, late: boolean, cause: unknown): Fault {
  if (isFault(cause)) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const dialled = code !== 'ECONNREFUSED' && code !== 'ENOTFOUND' && code !== 'UND_ERR_CONNECT_TIMEOUT';
  if (dialled && !idempotent.has(step.method)) return new Fault('step_unknown', { cause });
  const what = late ? `did not answer within ${step.timeoutSeconds} s` : `cannot be reached (${code ?? 'broken off'})`;
  return new Fault('step_failed', { public: `${target.name} ${what}.`, cause });
}
