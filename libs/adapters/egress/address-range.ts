import ipaddr from 'ipaddr.js';

/** One IP address in canonical form, with the name of the special range that it lies in (`unicast` for the public internet). */
export interface ClassifiedAddress {
  /** Canonical text; an IPv4 address inside an IPv6 one (mapped, compatible) is written as IPv4. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly range: string;
}

type Cidr = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Addresses of cloud metadata and host-agent services that lie outside the special ranges, or that no allow-list entry may open:
 * whoever reaches one of these gets the credentials of the machine.
 */
const metadataAddresses = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);

/** Ranges that no allow-list entry opens: nothing that one may dial lives there, or the system reads them as "this host". */
const neverRanges = new Set(['unspecified', 'multicast', 'broadcast', 'metadata']);

/** The only IPv6 block that IANA hands out for the public internet (RFC 4291 §2.4). */
const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/**
 * classifyAddress reads an IP literal in its plain notation (dotted quad of decimal octets without leading zeros, or IPv6 without a zone).
 * Undefined for everything else, so that `0x7f.1`, `2130706433` and `fe80::1%eth0` are never mistaken for a harmless name.
 */
export function classifyAddress(text: string): ClassifiedAddress | undefined {
  const parsed = parsePlain(text);
  if (!parsed) return undefined;
  const address = unwrap(parsed);
  return { address: address.toString(), family: address.kind() === 'ipv4' ? 4 : 6, range: rangeOf(address) };
}

/** isForbiddenRange tells whether a range stays closed whatever the operator allows. */
export const isForbiddenRange = (range: string): boolean => neverRanges.has(range);

/** parseCidr reads `10.0.0.0/8` or a single address; undefined when it is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const single = parsePlain(text);
  if (single) return [single, single.kind() === 'ipv4' ? 32 : 128];
  const [base, bits] = text.split('/');
  if (base === undefined || bits === undefined || !/^\d{1,3}$/.test(bits) || !parsePlain(base)) return undefined;
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}

/** isWithin tells whether an address lies in a CIDR block; addresses of the other family never do. */
export function isWithin(address: string, [base, bits]: Cidr): boolean {
  const parsed = ipaddr.parse(address);
  return parsed.kind() === base.kind() && parsed.match(base, bits);
}

function parsePlain(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text)) return ipaddr.IPv4.parse(text);
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return undefined;
}

/** unwrap shows the IPv4 address that a mapped (::ffff:a.b.c.d) or compatible (::a.b.c.d, deprecated) IPv6 address stands for. */
function unwrap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  const compatible = address.parts.slice(0, 6).every((part) => part === 0) && (address.parts[6] ?? 0) !== 0;
  return compatible ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

function rangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  if (metadataAddresses.has(address.toString())) return 'metadata';
  const range = address.range();
  if (range !== 'unicast' || !(address instanceof ipaddr.IPv6)) return range;
  if (!address.match(globalUnicast)) return 'reserved';
  return isIsatap(address) ? 'isatap' : range;
}

/** isIsatap: an interface identifier of RFC 5214 §6.1 tunnels to the IPv4 address in its last 32 bits. */
const isIsatap = (address: ipaddr.IPv6): boolean =>
  ((address.parts[4] ?? 0) & 0xfdff) === 0 && address.parts[5] === 0x5efe;
