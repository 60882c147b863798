import { Fault, isFault } from '@nm/kernel/fault';

/** ApiClient speaks to the control plane as a user's program would: JSON over HTTP with a bearer credential. */
export class ApiClient {
  readonly #url: string;
  readonly #credential: string | undefined;

  constructor(url: string, credential?: string) {
    this.#url = url;
    this.#credential = credential;
  }

  as(credential: string): ApiClient {
    return new ApiClient(this.#url, credential);
  }

  get<T>(path: string): Promise<T> {
    return this.#send<T>('GET', path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#send<T>('POST', path, body);
  }

  put<T>(path: string, bytes: Uint8Array, type: string): Promise<T> {
    return this.#send<T>('PUT', path, new Uint8Array(bytes), type);
  }

  /** @throws Fault with the answer's own code in `extra.code` */
  async #send<T>(method: string, path: string, body?: unknown, type = 'application/json'): Promise<T> {
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': type }),
        ...(this.#credential ? { authorization: `Bearer ${this.#credential}` } : {}),
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    const json = (text ? JSON.parse(text) : {}) as { code?: string; detail?: string };
    if (answer.ok) return json as T;
    throw new Fault('internal', {
      public: `${method} ${path} answered ${answer.status}: ${json.detail ?? text}`,
      extra: { code: json.code, status: answer.status },
    });
  }
}

/** tolerate turns one refusal, by its code or status, into undefined: seeding goes on where an interrupted one stopped. */
export async function tolerate<T>(refusal: string | number, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isFault(error) && (error.extra['code'] === refusal || error.extra['status'] === refusal)) return undefined;
    throw error;
  }
}
