import { BlockList, isIP } from 'node:net';
import { Fault } from '@nm/kernel/fault';

/** Who sent a request, and how it came to the first of our own proxies. */
export interface ClientOrigin {
  readonly address: string;
  readonly scheme: 'http' | 'https';
}

/** directFrom is a client without a proxy of ours between. */
export const directFrom = (address: string, overTls = false): ClientOrigin => ({
  address,
  scheme: overTls ? 'https' : 'http',
});

/** What one proxy says; a part that it does not tell is missing. */
interface Hop {
  readonly address: string | undefined;
  readonly scheme: ClientOrigin['scheme'] | undefined;
}

type Fields = (lowerName: string) => string | undefined;

/** TrustedPeers knows the proxies in front of us: only what they say of a client is believed. */
export class TrustedPeers {
  readonly #list = new BlockList();
  readonly empty: boolean;

  /** @param ranges addresses and CIDR blocks @throws Fault config_invalid */
  constructor(ranges: readonly string[]) {
    this.empty = ranges.length === 0;
    for (const range of ranges) this.#add(range);
  }

  #add(range: string): void {
    const [base = '', bits] = range.split('/');
    const family = isIP(base);
    const prefix = Number(bits ?? (family === 4 ? 32 : 128));
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128))
      throw new Fault('config_invalid', {
        public: `NM_GATEWAY_TRUSTED_PEERS: "${range}" is no address and no CIDR block.`,
      });
    this.#list.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * clientOf reads `Forwarded` (RFC 7239), else `X-Forwarded-For`, from the end: each address was written by the next proxy, so the first that is not
   * one of ours is the client, and nothing before it is believed.
   */
  clientOf(direct: ClientOrigin, fields: Fields): ClientOrigin {
    if (this.empty || !this.has(direct.address)) return direct;
    const forwarded = fields('forwarded');
    if (forwarded !== undefined) return this.#walk(direct, forwarded.split(',').map(readElement));
    const addresses = fields('x-forwarded-for');
    const scheme = schemeOf(fields('x-forwarded-proto')) ?? direct.scheme;
    const hops: Hop[] = addresses?.split(',').map((text) => ({ address: addressOf(text.trim()), scheme })) ?? [];
    return hops.length > 0 ? this.#walk(direct, hops) : { ...direct, scheme };
  }

  #walk(direct: ClientOrigin, hops: readonly Hop[]): ClientOrigin {
    let known = direct;
    for (let i = hops.length - 1; i >= 0; i--) {
      const { address, scheme = known.scheme } = hops[i] as Hop;
      if (address === undefined) return { ...known, scheme };
      known = { address, scheme };
      if (!this.has(address)) return known;
    }
    return known;
  }
}

/** One forwarded-element: pairs of `for`, `proto`, `by`, `host`. */
function readElement(element: string): Hop {
  const found: { -readonly [key in keyof Hop]: Hop[key] } = { address: undefined, scheme: undefined };
  for (const pair of element.split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim().toLowerCase();
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    const address = name === 'for' ? addressOf(value) : undefined;
    if (address !== undefined) found.address = address;
    if (name === 'proto') found.scheme = schemeOf(value) ?? found.scheme;
  }
  return found;
}

const schemeOf = (text: string | undefined): Hop['scheme'] => {
  const lower = text?.trim().toLowerCase();
  return lower === 'https' || lower === 'http' ? lower : undefined;
};

/** addressOf reads an address with or without a port; obfuscated names (`_x`, `unknown`) give undefined. */
function addressOf(text: string): string | undefined {
  const bare = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(text)?.[1] ?? /^([0-9.]+)(?::\d+)?$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
}
