import { Refusal } from '../serve.js';
import type { Context } from './context.js';

const callMsMax = 15_000;

/** callNMachine sends one request with the caller's own token; a refusal of NMachine or of the cluster is passed on with its reason. */
export async function callNMachine<T>(
  context: Context,
  method: string,
  url: string,
  body?: unknown,
  tolerated: readonly number[] = [],
): Promise<{ status: number; body: T }> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${context.token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(callMsMax),
    });
  } catch (error) {
    console.error(`${method} ${new URL(url).pathname}:`, (error as Error).message);
    throw new Refusal(502, 'could not connect to NMachine', 'NMachine did not answer. Try again.');
  }
  const text = await answer.text();
  const parsed = parse(text);
  if (answer.ok || tolerated.includes(answer.status)) return { status: answer.status, body: parsed as T };
  const problem = (parsed ?? {}) as { code?: string; detail?: string; message?: string; reason?: string };
  // A failure on the far side is a 502 here; what the caller can mend keeps its status.
  const status = answer.status >= 500 ? 502 : answer.status;
  throw new Refusal(
    status,
    problem.code ?? 'refused',
    problem.detail ?? problem.message ?? problem.reason ?? `answered ${answer.status}`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
