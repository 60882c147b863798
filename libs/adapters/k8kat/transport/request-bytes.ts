import { validateHeaderName, validateHeaderValue } from 'node:http';
import { stringify } from 'node:querystring';
import type { KubeMethod } from './kube-types.js';

/** PlainRequest is a request that is ready to be sent, over whichever protocol. */
export interface PlainRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: KubeMethod;
  readonly query?: Record<string, string>;
  /** A list stands for a field that is repeated. */
  readonly headers: Record<string, string | string[]>;
  readonly body: string | null;
}

const notInTarget = /[^\u0021-\u00ff]/;

/**
 * requestBytes writes a request as HTTP/1.1 does (RFC 9112 §3).
 * @throws TypeError with a code of Node's for a path or a field that would not be one
 */
export function requestBytes({ method, path, query, headers, body }: PlainRequest, host: string): Buffer {
  const target = query && Object.keys(query).length > 0 ? `${path}?${stringify(query)}` : path;
  if (notInTarget.test(target))
    throw Object.assign(new TypeError('a path holds a character that no path has'), {
      code: 'ERR_UNESCAPED_CHARACTERS',
    });
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, values] of Object.entries(headers)) {
    validateHeaderName(name);
    for (const value of typeof values === 'string' ? [values] : values) {
      validateHeaderValue(name, value);
      head += `${name}: ${value}\r\n`;
    }
  }
  if (body === null) return Buffer.from(`${head}${method === 'GET' ? '' : 'content-length: 0\r\n'}\r\n`, 'latin1');
  const content = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${head}content-length: ${content.length}\r\n\r\n`, 'latin1'), content]);
}
