import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../devstack-process.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations on them
  readonly body: any;
}

/** call sends JSON and reads JSON, as curl in the guide does. */
export async function call(url: string, credential?: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : undefined };
}

/** Publisher signs up at an empty installation and ships the guestbook, all through the public API. */
export class Publisher {
  readonly #api: string;
  readonly #token: string;

  private constructor(api: string, token: string) {
    this.#api = api;
    this.#token = token;
  }

  static async signUp(api: string): Promise<Publisher> {
    const email = 'publisher@acme.example';
    const password = 'a long enough password';
    const org = { slug: 'acme', name: 'Acme' };
    const answer = await call(`${api}/v1/auth/signup`, undefined, { email, password, name: 'Ada', org });
    if (answer.status !== 201) throw new Error(`signup answered ${answer.status} ${JSON.stringify(answer.body)}`);
    const login = await call(`${api}/v1/auth/login`, undefined, { email, password });
    return new Publisher(api, login.body.accessToken);
  }

  /** ship makes the guestbook app, a published version from the example's file, and a plan. */
  async ship(): Promise<void> {
    const spec = JSON.parse(await readFile(join(root, 'examples/guestbook/version.json'), 'utf8'));
    await this.post('/apps', { slug: 'guestbook', name: 'Guestbook' });
    await this.post('/apps/guestbook/versions', { name: '1.0.0', spec });
    await this.post('/apps/guestbook/versions/1.0.0/publish', {});
    await this.post('/apps/guestbook/plans', { slug: 'team', name: 'Team', entitlements: { replicas_max: 5 } });
  }

  async issue(holder: string, terms: object = {}): Promise<{ id: string; key: string }> {
    const customer = await this.post('/customers', { name: holder });
    return this.post('/apps/guestbook/licences', { plan: 'team', customerId: customer.id, ...terms });
  }

  async suspend(licenceId: string): Promise<void> {
    await this.post(`/apps/guestbook/licences/${licenceId}/suspend`, {});
  }

  // biome-ignore lint/suspicious/noExplicitAny: see Answer
  async instances(): Promise<any[]> {
    return (await call(`${this.#api}/v1/orgs/acme/apps/guestbook/instances`, this.#token)).body.data;
  }

  // biome-ignore lint/suspicious/noExplicitAny: see Answer
  async post(path: string, body: object): Promise<any> {
    const answer = await call(`${this.#api}/v1/orgs/acme${path}`, this.#token, body);
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
