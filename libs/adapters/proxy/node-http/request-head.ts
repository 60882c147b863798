import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { RequestHead } from '../exchange.js';
import { valuesOf } from '../headers.js';
import { type ClientOrigin, directFrom, type TrustedPeers } from '../trusted-peers.js';
import { leftEarly } from '../upstream-error.js';

/** NodeRequestHead shows a request of node:http as the port wants it. */
export class NodeRequestHead implements RequestHead {
  readonly upgrade: string | undefined;
  readonly #request: IncomingMessage;
  readonly #client: Duplex;
  readonly #trusted: TrustedPeers;
  #origin: ClientOrigin | undefined;
  #leaves: AbortSignal | undefined;

  /** @param client its end is the client's leaving: the socket of an upgrade, else the request's connection */
  constructor(request: IncomingMessage, client: Duplex, trusted: TrustedPeers, upgrade?: string) {
    this.#trusted = trusted;
    this.upgrade = upgrade;
    this.#request = request;
    this.#client = client;
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get target(): string {
    return originForm(this.#request.url ?? '');
  }

  get httpMinor(): 0 | 1 {
    return this.#request.httpVersionMinor === 0 ? 0 : 1;
  }

  get remoteAddress(): string {
    return this.#from().address;
  }

  get scheme(): 'http' | 'https' {
    return this.#from().scheme;
  }

  #from(): ClientOrigin {
    const { socket } = this.#request;
    const peer = directFrom(socket.remoteAddress ?? 'unknown', socket instanceof TLSSocket);
    this.#origin ??= this.#trusted.clientOf(peer, (name) => this.header(name));
    return this.#origin;
  }

  header(lowerName: string): string | undefined {
    const values = valuesOf(this.#request.rawHeaders, lowerName);
    return values.length > 0 ? values.join(lowerName === 'cookie' ? '; ' : ', ') : undefined;
  }

  leaves(): AbortSignal {
    this.#leaves ??= abortOnClose(this.#client);
    return this.#leaves;
  }
}

/** Of an absolute-form target (RFC 9112 §3.2.2) the path; `checkFraming` has held its authority against Host. */
function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const path = target.replace(/^[^:]*:\/\/[^/?]*/, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function abortOnClose(client: Duplex): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(leftEarly());
  if (client.destroyed) abort();
  else client.once('close', abort);
  return controller.signal;
}
