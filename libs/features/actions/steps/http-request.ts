import { Fault, isFault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import { serviceIssues } from '../plan/plan-issue.js';
import { atMostOnce } from './at-most-once.js';
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

/** Headers that belong to the connection; and towards the API server the credential is ours. */
const fixedHeaders = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
];

/** Sends one HTTP request. */
export const httpRequestKind: StepKindSpec<'http-request'> = {
  preview: { cannot: 'What a request does is known only when it was sent.' },
  outputs: ['status', 'body'],
  check: (step, path) => [
    ...(step.service ? serviceIssues(step.service, `${path}.service`) : []),
    ...Object.keys(step.headers ?? {})
      .filter((name) => [...fixedHeaders, ...(step.service ? ['authorization'] : [])].includes(name.toLowerCase()))
      .map((name) => ({ path: `${path}.headers.${name}`, message: 'a plan cannot set this header' })),
  ],
  needs: (step, needs) => {
    const { service } = step;
    const verb = verbs[step.method] ?? 'create';
    if (service) needs.question({ verb, group: '', resource: 'services/proxy', name: service.name });
  },
  execute: async (step, context) => {
    const target = httpTarget(step, context);
    try {
      if (!idempotent.has(step.method)) return await atMostOnce(context, (leave) => ask(step, target, leave, context));
      return await patiently(context, () => ask(step, target, () => context.guard(), context));
    } catch (error) {
      context.signal.throwIfAborted();
      throw brokenOff(step, target, error);
    }
  },
};

async function ask(
  step: StepOf<'http-request'>,
  target: HttpTarget,
  leave: () => void,
  context: StepContext,
): Promise<unknown> {
  const limit = AbortSignal.timeout(step.timeoutSeconds * 1000);
  const { statusCode, text } = await read(step, target, leave, AbortSignal.any([context.signal, limit]));
  await context.log(`${target.name} answered ${statusCode}`);
  if (step.expectStatus.includes(statusCode)) return { status: statusCode, body: text };
  throw new Fault('step_failed', {
    public: `${target.name} answered ${statusCode}: ${text.slice(0, 500) || 'nothing'}`,
    extra: { reason: `Http${statusCode}` },
  });
}

async function read(step: StepOf<'http-request'>, target: HttpTarget, leave: () => void, signal: AbortSignal) {
  const { method, body } = step;
  const headers = Object.fromEntries(
    Object.entries(step.headers ?? {}).map(([name, text]) => [name.toLowerCase(), text]),
  );
  const answer = await target.send({ method, headers, body, leave }, signal);
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

function brokenOff(step: StepOf<'http-request'>, target: HttpTarget, cause: unknown): unknown {
  if (isFault(cause)) return cause;
  const { code, name } = cause as NodeJS.ErrnoException;
  const late = `did not answer within ${step.timeoutSeconds} s`;
  const what = name === 'TimeoutError' ? late : `cannot be reached (${code ?? 'broken off'})`;
  return new Fault('step_failed', { public: `${target.name} ${what}.`, cause });
}
