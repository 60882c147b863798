import { lookup } from 'node:dns/promises';
import { Fault } from '@nm/kernel/fault';
import { type ClassifiedAddress, classifyAddress, isForbiddenRange, isWithin, parseCidr } from './address-range.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Resolver gives every address of a name. */
export type Resolver = (hostname: string) => Promise<readonly { readonly address: string }[]>;

export interface EgressOptions {
  /** CIDR blocks (or single addresses) that may be dialled although they are not public. */
  readonly allow?: readonly string[];
  readonly resolve?: Resolver;
}

/** A name with the checked addresses that stand for it: dial these, never the name. */
export interface PinnedHost {
  readonly hostname: string;
  readonly addresses: readonly [ResolvedAddress, ...ResolvedAddress[]];
}

const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true, verbatim: true });
const hostnameCharsMax = 253;

/**
 * EgressPolicy says which addresses NMachine may dial on behalf of somebody else: the public internet, and what the operator allows.
 * Names are resolved once, every address is checked, and what was checked is what is dialled.
 */
export class EgressPolicy {
  readonly #allow: readonly NonNullable<ReturnType<typeof parseCidr>>[];
  readonly #resolve: Resolver;

  /** @throws Fault config_invalid when an entry of `allow` is no CIDR block */
  constructor(options: EgressOptions = {}) {
    this.#resolve = options.resolve ?? systemResolver;
    this.#allow = (options.allow ?? []).map((text) => {
      const cidr = parseCidr(text);
      if (!cidr) throw new Fault('config_invalid', { public: `NM_EGRESS_ALLOW: "${text}" is not a CIDR block.` });
      return cidr;
    });
  }

  /** checkAddress passes one IP literal. @throws Fault egress_denied */
  checkAddress(text: string): ResolvedAddress {
    const found = classifyAddress(text);
    if (!found) throw denied(text, 'not an IP address in plain notation');
    if (!this.#permits(found)) throw denied(text, found.range);
    return { address: found.address, family: found.family };
  }

  /**
   * checkHost looks at the host part of a URL without resolving it: an IP literal must be permitted, a name must be one.
   * Returns the address when it was a literal. @throws Fault egress_denied
   */
  checkHost(host: string): ResolvedAddress | undefined {
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
    if (bare !== host && !bare.includes(':')) throw denied(host, 'not an IPv6 address in brackets');
    if (bare.includes(':') || classifyAddress(bare)) return this.checkAddress(bare);
    const labels = bare.replace(/\.$/, '').split('.');
    const last = labels.at(-1) ?? '';
    // WHATWG URL §3.5: a host that ends in a number is an IPv4 address, however it is written.
    if (/^(\d+|0x[0-9a-f]*)$/i.test(last)) throw denied(host, 'an IP address in an unusual notation');
    const wellFormed = bare.length <= hostnameCharsMax && labels.every((label) => /^[a-z0-9_-]{1,63}$/i.test(label));
    if (!wellFormed) throw denied(host, 'not a host name');
    return undefined;
  }

  /**
   * resolveAndPin resolves a name once and checks every address: a mixed answer is refused whole, because mixing is how rebinding works.
   * @throws Fault egress_denied; the resolver's own error when the name does not resolve
   */
  async resolveAndPin(host: string): Promise<PinnedHost> {
    const literal = this.checkHost(host);
    if (literal) return { hostname: literal.address, addresses: [literal] };
    const answers = await this.#resolve(host);
    const [first, ...rest] = answers.map(({ address }) => this.checkAddress(address));
    if (!first) throw Object.assign(new Error(`no address for ${host}`), { code: 'ENOTFOUND' });
    return { hostname: host, addresses: [first, ...rest] };
  }

  #permits({ address, range, embedded }: ClassifiedAddress): boolean {
    if (isForbiddenRange(range)) return false;
    if (range === 'unicast') return true;
    // Whoever opens a NAT64 prefix has not opened what lies behind it.
    return this.#allow.some((cidr) => isWithin(address, cidr)) && embedded.every((inner) => this.#permits(inner));
  }
}

const denied = (host: string, why: string): Fault =>
  new Fault('egress_denied', {
    public: `The address "${host.slice(0, hostnameCharsMax)}" may not be dialled from here (${why}).`,
    internal: `${host} is ${why}`,
    extra: { range: why },
  });
