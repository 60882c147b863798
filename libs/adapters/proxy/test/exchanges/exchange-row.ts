/** What the upstream does about one request, in its order of arrival. */
export interface Reply {
  /** latin1 */
  readonly bytes: string;
  /** After the head, before the body has come; ordinarily after the whole message. */
  readonly early?: true;
  readonly after?: 'close' | 'reset';
  /** Of several requests the one with this target. */
  readonly to?: string;
  /** After a 101: answered once this has come through the tunnel; the tunnel is closed afterwards. */
  readonly tunnel?: { readonly expect: string; readonly answer: string };
}

export interface Expected {
  /**
   * What the upstream must see, a line a request: `POST /a HTTP/1.1 | Name: value | 5:hello`, or `| chunked:hello | trailer Name: value`.
   * `cut METHOD target` is a request that broke off, `tunnel:bytes` what came after a 101. The engine's own `Host` and `Connection` are not shown.
   */
  readonly sees: readonly string[];
  /** What the client must get: `200 OK | Name: value | 2:ok`, `any:` for a framing that is the engine's choice, a number for an answer of the engine's own. */
  readonly gets: readonly (string | number)[];
  /** `open`: a further request on the same connection must be answered as itself. `waits`: nothing came after all bytes. */
  readonly ends: 'open' | 'closed' | 'waits';
}

/** One row: raw bytes in, raw bytes back, what both sides must then know. */
export interface Exchange extends Expected {
  readonly name: string;
  /** latin1; three parts are: first bytes, text to wait for, further bytes. */
  readonly send: string | readonly [first: string, awaited: string, more: string];
  readonly replies: readonly Reply[];
  /** The side whose bytes are cut at every boundary. */
  readonly split: 'request' | 'reply';
  /** Cut only within this part of the bytes. */
  readonly around?: string;
  /** The client closes its side after the last byte. */
  readonly fin?: true;
  /** The message breaks off or turns bad inside: the upstream may have seen it begin, a client that left may be told. */
  readonly broken?: true;
}

type More = Partial<Omit<Exchange, 'name' | 'send'>> & { readonly reply?: string };

/** The upstream's ordinary answer, and how the tables write it. */
export const okReply = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const ok = '200 OK | 2:ok';
export const host = 'Host: x\r\n';

/** pass: the upstream sees these requests, the client gets one `ok` a request unless said otherwise. */
export function pass(
  name: string,
  send: Exchange['send'],
  sees: string | readonly string[],
  more: More = {},
): Exchange {
  const all = typeof sees === 'string' ? [sees] : sees;
  const { reply, ...rest } = more;
  const replies = all.map(() => ({ bytes: reply ?? okReply }));
  return { name, send, sees: all, gets: all.map(() => ok), ends: 'open', replies, split: 'request', ...rest };
}

/** refuse: the upstream sees nothing, the client gets 400 and the connection is closed. */
export function refuse(name: string, send: Exchange['send'], more: More = {}): Exchange {
  return pass(name, send, [], { gets: [400], ends: 'closed', ...more });
}

/** answer: an ordinary request whose reply is the matter, cut at every boundary. */
export function answer(
  name: string,
  reply: string,
  gets: readonly (string | number)[],
  more: More & { send?: string } = {},
): Exchange {
  const { send = `GET /a HTTP/1.1\r\n${host}\r\n`, ...rest } = more;
  return pass(name, send, 'GET /a HTTP/1.1', { reply, gets, split: 'reply', ...rest });
}
