import type { RequestHead } from '../exchange.js';
import type { MessageHead } from './message-head.js';

/** Methods as one string each, so that no request makes its own. */
const methods = new Map(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((name) => [name, name]));
const get = 'GET';

export interface ClientSide {
  readonly remoteAddress: string;
  readonly scheme: 'http' | 'https';
  leaves(): AbortSignal;
}

/** NetRequestHead shows a parsed head as the port wants it. */
export class NetRequestHead implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpMinor: 0 | 1;
  readonly upgrade: string | undefined;
  readonly #head: MessageHead;
  readonly #client: ClientSide;

  constructor(head: MessageHead, client: ClientSide) {
    this.#head = head;
    this.#client = client;
    this.httpMinor = head.httpMinor;
    this.method = methodOf(head);
    this.target = head.targetStart === head.targetEnd ? '/' : head.text(head.targetStart, head.targetEnd);
    this.upgrade = wantedProtocol(head);
  }

  get remoteAddress(): string {
    return this.#client.remoteAddress;
  }

  get scheme(): 'http' | 'https' {
    return this.#client.scheme;
  }

  header(lowerName: string): string | undefined {
    return this.#head.field(lowerName);
  }

  leaves(): AbortSignal {
    return this.#client.leaves();
  }
}

function methodOf(head: MessageHead): string {
  const { bytes, methodStart, methodEnd } = head;
  const isGet =
    methodEnd - methodStart === 3 &&
    bytes[methodStart] === 0x47 &&
    bytes[methodStart + 1] === 0x45 &&
    bytes[methodStart + 2] === 0x54;
  if (isGet) return get;
  const text = head.text(methodStart, methodEnd);
  return methods.get(text) ?? text;
}

/** Offers of HTTP/2 in clear text are declined by answering in HTTP/1.1 (RFC 9110 §7.8). */
function wantedProtocol(head: MessageHead): string | undefined {
  if (!head.switches || head.upgrade < 0) return undefined;
  const protocol = head.field('upgrade') ?? '';
  return protocol === '' || /^h2c\b/i.test(protocol) ? undefined : protocol;
}
