/** An address as 16-bit words: two for IPv4, eight for IPv6. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address. */
export type Address = readonly number[];

/** A block of addresses of one family. */
export class Network {
  readonly words: Address;
  /** Length of the prefix in bits. */
  readonly bits: number;

  constructor(words: Address, bits: number) {
    this.words = words;
    this.bits = bits;
  }

  contains(address: Address): boolean {
    if (address.length !== this.words.length) return false;
    return this.words.every(
      (word, i) => (word & maskOf(this.bits - 16 * i)) === ((address[i] ?? 0) & maskOf(this.bits - 16 * i)),
    );
  }
}

/** maskOf keeps the first `bits` of a word. */
const maskOf = (bits: number): number => (bits >= 16 ? 0xffff : bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff);

/** parseAddress reads an IP address; a zone (`%eth0`) is ignored. @returns undefined when it is none */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 64) return undefined;
  const [bare = ''] = text.split('%', 1);
  const words = bare.includes(':') ? ipv6(bare) : ipv4(bare);
  if (words?.length !== 8) return words;
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  return mapped ? words.slice(6) : words;
}

/** parseNetwork reads `address/length`, or an address alone as the network of just that one. Bits behind the prefix are ignored. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const words = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!words) return undefined;
  const size = words.length * 16;
  if (slash < 0) return new Network(words, size);
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > size) return undefined;
  return new Network(words, Number(length));
}

function ipv4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
  if (Math.max(a, b, c, d) > 255) return undefined;
  return [a * 256 + b, c * 256 + d];
}

function ipv6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : wordsOf(half)));
  if (!head) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (!tail || head.length + tail.length > 7) return undefined;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** wordsOf reads groups between colons; the last may be an IPv4 address. */
function wordsOf(text: string): readonly number[] | undefined {
  const groups = text.split(':');
  const last = groups.at(-1) ?? '';
  const embedded = last.includes('.') ? ipv4(last) : [];
  const hex = last.includes('.') ? groups.slice(0, -1) : groups;
  if (!embedded || !hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return [...hex.map((group) => Number.parseInt(group, 16)), ...embedded];
}
