import { codes, Fault } from '@nm/kernel/fault';
import { request } from 'undici';
import { z } from 'zod';

const answerMsMax = 15_000;

/** ApiCall sends one request to NMachine's API in the name of a caller. @throws Fault with the API's own code, upstream_unreachable */
export type ApiCall = (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<unknown>;

/** apiCalls gives calls with a caller's own token. */
export const apiCalls =
  (apiUrl: string, token: string, signal: AbortSignal): ApiCall =>
  (method, path, body) =>
    callApi(apiUrl, token, method, path, body, signal);

async function callApi(
  apiUrl: string,
  token: string,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await request(apiUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
    headersTimeout: answerMsMax,
    bodyTimeout: answerMsMax,
  }).catch((cause: unknown) => {
    throw new Fault('upstream_unreachable', { public: 'NMachine did not answer. Try again.', cause });
  });
  const text = await answer.body.text();
  if (answer.statusCode < 300) return JSON.parse(text) as unknown;
  throw passedOn(answer.statusCode, text);
}

const Problem = z.object({ code: z.string(), detail: z.string().optional(), issues: z.unknown().optional() });

/** What the caller can mend keeps its code and sentence; the rest is ours to explain. */
function passedOn(status: number, text: string): Fault {
  try {
    const { code, detail, issues } = Problem.parse(JSON.parse(text));
    if (status < 500 && code in codes)
      return new Fault(code as keyof typeof codes, {
        ...(detail ? { public: detail } : {}),
        ...(issues ? { extra: { issues } } : {}),
      });
  } catch {
    // Not a problem of ours: told below.
  }
  return new Fault('upstream_unreachable', {
    public: `NMachine answered ${status}. Try again.`,
    internal: text.slice(0, 500),
  });
}
