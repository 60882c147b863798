import { expect } from 'vitest';
import { z } from 'zod';

// biome-ignore lint/suspicious/noExplicitAny: what an app answers is its own; the document says how it looks.
type Body = any;

export interface KamaAnswer {
  readonly status: number;
  readonly body: Body;
}

interface Described {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Body>> }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Pattern {
  readonly pattern: RegExp;
  readonly path: string;
}

/** KamaClient is a client of a KAMA: it polls jobs, and holds every answer to the server's own OpenAPI document. */
export class KamaClient {
  #described: Described | undefined;
  #patterns: readonly Pattern[] = [];
  readonly #schemas = new Map<string, z.ZodType>();
  /** Routes that were called, as the document names them. */
  readonly called = new Set<string>();

  constructor(
    readonly baseUrl: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** document fetches what the server says about itself. */
  async document(): Promise<Described> {
    if (this.#described) return this.#described;
    const answer = await fetch(`${this.baseUrl}/openapi.json`, { headers: this.headers });
    expect(answer.status).toBe(200);
    const described = (await answer.json()) as Described;
    // Names before parameters: `/api/operations/osts` is no operation.
    this.#patterns = Object.keys(described.paths)
      .toSorted((left, right) => left.split('{').length - right.split('{').length)
      .map((path) => ({
        path,
        pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      }));
    this.#described = described;
    return described;
  }

  /** send sends any text. The answer is JSON, never a fault of the server, and as its document says. */
  async send(
    method: string,
    path: string,
    text?: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<KamaAnswer> {
    await this.document();
    const answer = await fetch(this.baseUrl + path, {
      method,
      headers: { ...this.headers, ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...more },
      ...(text === undefined ? {} : { body: text }),
      signal: AbortSignal.timeout(60_000),
    });
    const said = await answer.text();
    const where = `${method} ${path} ${text?.slice(0, 500) ?? ''} -> ${answer.status} ${said.slice(0, 800)}`;
    expect(answer.status, where).toBeLessThan(500);
    expect(answer.headers.get('content-type'), where).toContain('application/json');
    const body: Body = JSON.parse(said);
    this.#hold(method, path, answer.status, body, where);
    return { status: answer.status, body };
  }

  get(path: string, more?: Readonly<Record<string, string>>): Promise<KamaAnswer> {
    return this.send('GET', path, undefined, more);
  }

  post(path: string, body: unknown = {}, more?: Readonly<Record<string, string>>): Promise<KamaAnswer> {
    return this.send('POST', path, JSON.stringify(body), more);
  }

  /** data gives the data of an answer that must be a success. */
  async data(path: string, more?: Readonly<Record<string, string>>): Promise<Body> {
    const { status, body } = await this.get(path, more);
    expect(status, `${path} ${JSON.stringify(body)}`).toBe(200);
    return body.data;
  }

  /** settled polls a job until it is over, as clients do. */
  async settled(id: unknown, timeoutMs = 120_000): Promise<Body> {
    expect(id).toEqual(expect.stringMatching(/^[\w-]+$/));
    const look = async () => await this.data(`/api/app/jobs/${String(id)}/status`);
    await expect.poll(async () => (await look()).status, { timeout: timeoutMs, interval: 200 }).not.toBe('running');
    return look();
  }

  #hold(method: string, path: string, status: number, body: Body, where: string): void {
    const plain = path.split('?')[0] ?? path;
    const route = this.#patterns.find(({ pattern }) => pattern.test(plain))?.path;
    const operation = route === undefined ? undefined : this.#described?.paths[route]?.[method.toLowerCase()];
    if (status >= 400) expect(body, where).toMatchObject({ error: expect.any(String), reason: expect.any(String) });
    if (!operation) return;
    this.called.add(`${method} ${route}`);
    const key = `${method} ${route} ${status < 400 ? '200' : '4XX'}`;
    const schema = this.#schemas.get(key) ?? this.#schemaOf(operation.responses[status < 400 ? '200' : '4XX']);
    this.#schemas.set(key, schema);
    const read = schema.safeParse(body);
    expect(read.success ? [] : read.error.issues, where).toEqual([]);
  }

  #schemaOf(response: Body): z.ZodType {
    const schema = { ...response.content['application/json'].schema, $defs: this.#described?.components.schemas };
    return z.fromJSONSchema(
      JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/')) as never,
    );
  }
}
