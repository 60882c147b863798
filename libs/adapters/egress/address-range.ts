import ipaddr from 'ipaddr.js';

/** One IP address in canonical form, with the name of the special range that it lies in (`unicast` for the public internet). */
export interface ClassifiedAddress {
  /** Canonical text; an IPv4 address inside an IPv6 one (mapped, compatible) is written as IPv4. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly range: string;
  /** IPv4 addresses that a translator or tunnel on the way would make of an IPv6 one; empty for most. */
  readonly embedded: readonly ClassifiedAddress[];
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
  '169.254.0.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fe80::a9fe:a9fe',
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
  return describe(unwrap(parsed));
}

function describe(address: ipaddr.IPv4 | ipaddr.IPv6): ClassifiedAddress {
  const range = rangeOf(address);
  if (!(address instanceof ipaddr.IPv6)) return { address: address.toString(), family: 4, range, embedded: [] };
  return { address: address.toString(), family: 6, range, embedded: embeddedIn(address, range).map(describe) };
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
  // Octets with leading zeros are octal to some and decimal to others: ::ffff:0177.0.0.1.
  if (text.includes('.') && /[:.]0\d+(\.|$)/.test(text)) return undefined;
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

/**
 * embeddedIn reads the IPv4 addresses inside an IPv6 one: who dials 64:ff9b::10.0.0.1 through a NAT64 reaches 10.0.0.1. The ranges' names are those of
 * ipaddr.js: rfc6052 is the well-known prefix of NAT64 and its local-use kin (RFC 8215), rfc6145 is SIIT, Teredo holds a server and an inverted client (RFC 4380 §4).
 */
function embeddedIn(address: ipaddr.IPv6, range: string): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const at = (start: number, flip = 0): ipaddr.IPv4 =>
    new ipaddr.IPv4(bytes.slice(start, start + 4).map((byte) => byte ^ flip));
  if (address.match(localNat64))
    return localNat64Offsets
      .map((offsets) => new ipaddr.IPv4(offsets.map((i) => bytes[i] ?? 0)))
      .filter((inner) => inner.octets[0] !== 0);
  switch (range) {
    case 'rfc6052':
    case 'rfc6145':
    case 'isatap':
      return [at(12)];
    case '6to4':
      return [at(2)];
    case 'teredo':
      return [at(4), at(12, 0xff)];
    default:
      return [];
  }
}

/** Local-use NAT64 (RFC 8215); the operator's prefix in it may be 48, 56, 64 or 96 bits long, which moves the address (RFC 6052 §2.2). */
const localNat64 = ipaddr.parseCIDR('64:ff9b:1::/48') as [ipaddr.IPv6, number];
const localNat64Offsets = [
  [6, 7, 9, 10],
  [7, 9, 10, 11],
  [9, 10, 11, 12],
  [12, 13, 14, 15],
];

/** isIsatap: an interface identifier of RFC 5214 §6.1 tunnels to the IPv4 address in its last 32 bits. */
const isIsatap = (address: ipaddr.IPv6): boolean =>
  ((address.parts[4] ?? 0) & 0xfdff) === 0 && address.parts[5] === 0x5efe;
