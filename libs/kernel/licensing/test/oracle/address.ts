/** An address as bits, written out: 32 or 128 characters `0` or `1`. Undefined: no address. */
function bitsOf(text: string): string | undefined {
  const bare = text.includes(':') ? text.replace(/%.+$/, '') : text;
  const bits = bare.includes(':') ? six(bare) : four(bare);
  const mapped = '0'.repeat(80) + '1'.repeat(16);
  return bits?.length === 128 && bits.startsWith(mapped) ? bits.slice(96) : bits;
}

const toBits = (value: number, width: number) => value.toString(2).padStart(width, '0');

function four(text: string): string | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.some((byte) => byte > 255) ? undefined : bytes.map((byte) => toBits(byte, 8)).join('');
}

function six(text: string): string | undefined {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let plain = text;
  if (tail) {
    const low = four(tail[2]!);
    if (low === undefined) return undefined;
    plain = `${tail[1]}${Number.parseInt(low.slice(0, 16), 2).toString(16)}:${Number.parseInt(low.slice(16), 2).toString(16)}`;
  }
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = groups.flat().length;
  if (groups.flat().some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = [...groups[0]!, ...Array<string>(8 - count).fill('0'), ...(groups[1] ?? [])];
  return all.map((group) => toBits(Number.parseInt(group, 16), 16)).join('');
}

/** inBlock tells whether an address is in a block; undefined: one of the texts is neither. */
export function inBlock(address: string, block: string): boolean | undefined {
  const slash = block.indexOf('/');
  const network = slash < 0 ? block : block.slice(0, slash);
  const [host, base] = [bitsOf(address), bitsOf(network)];
  if (host === undefined || base === undefined) return undefined;
  const size = slash < 0 ? String(base.length) : block.slice(slash + 1);
  if (!/^(0|[1-9]\d*)$/.test(size) || Number(size) > base.length) return undefined;
  return host.length === base.length && host.startsWith(base.slice(0, Number(size)));
}
