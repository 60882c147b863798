import { isFault } from '@nm/kernel/fault';
import { serviceIssues } from '../plan/plan-issue.js';
import { type HttpTarget, httpTarget } from './http-target.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { lastOf, untilSettled } from './until-settled.js';

const probeMsMax = 5_000;

/** Polls until an HTTP status is answered. */
export const waitForHttpKind: StepKindSpec<'wait-for-http'> = {
  preview: 'reads',
  check: (step, path) => (step.service ? serviceIssues(step.service, `${path}.service`) : []),
  needs: (step, needs) => {
    if (step.service) needs.question({ verb: 'get', group: '', resource: 'services/proxy', name: step.service.name });
  },
  execute: waitForHttp,
};

/**
 * waitForHttp asks again and again until the expected status is answered. Redirects are not followed: a 302 is an answer.
 * @throws Fault run_timeout with the last answer; egress_denied for a url that may not be dialled
 */
async function waitForHttp(step: StepOf<'wait-for-http'>, context: StepContext): Promise<unknown> {
  const target = httpTarget(step, context);
  let last = lastOf(context.noted);
  const look = async (): Promise<{ status: number } | undefined> => {
    const seen = await ask(target, context);
    if (seen !== last) await context.log(`${target.name} answered ${seen}`);
    last = seen;
    return seen === String(step.expectStatus) ? { status: step.expectStatus } : undefined;
  };
  return untilSettled(context, {
    ...{ look, late: () => `${target.name} answered ${last}`, state: () => ({ last }) },
    ...{ timeoutSeconds: step.timeoutSeconds, forWhat: `${target.name} to answer ${step.expectStatus}` },
  });
}

async function ask(target: HttpTarget, { signal }: StepContext): Promise<string> {
  const limit = AbortSignal.timeout(probeMsMax);
  try {
    const { statusCode, body } = await target.send({ method: 'GET' }, AbortSignal.any([signal, limit]));
    await body.dump();
    return String(statusCode);
  } catch (error) {
    signal.throwIfAborted();
    // An address that is not allowed will not become so.
    if (isFault(error)) throw error;
    return limit.aborted ? `nothing within ${probeMsMax / 1000} s` : `not at all (${codeOf(error)})`;
  }
}

const codeOf = (error: unknown): string => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(code ?? message ?? 'unknown');
};
