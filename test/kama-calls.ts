import type { IssuedLicence } from '@nm/kernel/contracts';
import { expect } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: answers of a KAMA have no contract of ours
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: any };

export interface Demo {
  readonly gatewayUrl: string;
  readonly apiUrl: string;
  readonly publisher: { readonly email: string; readonly password: string };
}

const settledMs = 120_000;

/** call sends JSON with a credential. */
export async function call(
  method: string,
  url: string,
  credential: string,
  body?: unknown,
  more: object = {},
): Promise<Answer> {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json', ...more };
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : {} };
}

/** kamaCalls talks to a running NMachine as the publisher of an app, as its licensee, and to the app; who that is may be known later. */
export function kamaCalls(app: string, who: () => { demo: Demo; token: string; licence: IssuedLicence }) {
  const kama = (method: string, path: string, body?: unknown, more: object = {}) => {
    const { demo, licence } = who();
    return call(method, `${demo.gatewayUrl}/kama/acme/${app}${path}`, licence.key, body, more);
  };
  return {
    kama,
    publisher: async (method: string, path: string, body?: unknown) => {
      const answer = await call(method, `${who().demo.apiUrl}/v1/orgs/acme${path}`, who().token, body);
      expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
      return answer.body;
    },
    licensee: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const answer = await call(method, `${who().demo.apiUrl}/v1${path}`, who().licence.key, body);
      expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
      return answer.body;
    },
    /** settled waits until a job is over, and gives it. */
    settled: async (job: string) => {
      const look = async () => (await kama('GET', `/api/app/jobs/${job}/status`)).body.data;
      await expect.poll(async () => (await look())?.status, { timeout: settledMs, interval: 250 }).not.toBe('running');
      return look();
    },
  };
}
