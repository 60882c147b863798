import type { FieldFilter } from '../exchange.js';
import { equalsLower, lowerBytes, space } from './bytes.js';
import { fieldKinds, type MessageHead } from './message-head.js';
import type { OutBuffer } from './out-buffer.js';

/** A filter made for bytes: names by their length, and prefixes. */
interface ByteFilter {
  readonly names: readonly (readonly Uint8Array[])[];
  readonly prefixes: readonly Uint8Array[];
}

const compiled = new WeakMap<FieldFilter, ByteFilter>();

function compile(filter: FieldFilter): ByteFilter {
  const names: Uint8Array[][] = Array.from(
    { length: 1 + Math.max(0, ...filter.names.map(({ length }) => length)) },
    () => [],
  );
  for (const name of filter.names) names[name.length]?.push(lowerBytes(name));
  const made = { names, prefixes: filter.prefixes.map(lowerBytes) };
  compiled.set(filter, made);
  return made;
}

function isDropped(filter: ByteFilter, bytes: Buffer, start: number, end: number): boolean {
  const candidates = filter.names[end - start];
  if (candidates !== undefined) for (const name of candidates) if (equalsLower(bytes, start, end, name)) return true;
  for (const prefix of filter.prefixes) {
    const prefixEnd = start + prefix.length;
    if (prefixEnd <= end && equalsLower(bytes, start, prefixEnd, prefix)) return true;
  }
  return false;
}

/**
 * copyFields writes the fields that may pass, each again from its validated parts: neither hop-by-hop, nor about framing, nor named in `Connection`, nor
 * dropped by the policy. Lines that stand in the canonical form already are copied together.
 * @param keepTrailer the message goes on with trailers, so `Trailer` may announce them
 */
export function copyFields(head: MessageHead, filter: FieldFilter, out: OutBuffer, keepTrailer: boolean): void {
  const drops = compiled.get(filter) ?? compile(filter);
  const bytes = head.bytes as Buffer;
  const nominates = head.nominated.length > 0;
  let runStart = -1;
  let runEnd = -1;
  for (let i = 0; i < head.count; i++) {
    const nameStart = head.nameStart(i);
    const nameEnd = head.nameEnd(i);
    if (!passes(head.kinds[i] as number, keepTrailer) || isDropped(drops, bytes, nameStart, nameEnd)) continue;
    if (nominates && head.isNominated(i)) continue;
    const valueStart = head.valueStart(i);
    const valueEnd = head.valueEnd(i);
    const canonical = valueStart === nameEnd + 2 && bytes[nameEnd + 1] === space && bytes[valueEnd] === 0x0d;
    if (runStart >= 0 && runEnd !== nameStart) {
      out.copy(bytes, runStart, runEnd);
      runStart = -1;
    }
    if (canonical) {
      if (runStart < 0) runStart = nameStart;
      runEnd = valueEnd + 2;
      continue;
    }
    if (runStart >= 0) out.copy(bytes, runStart, runEnd);
    runStart = -1;
    out.copy(bytes, nameStart, nameEnd);
    out.text(': ');
    out.copy(bytes, valueStart, valueEnd);
    out.text('\r\n');
  }
  if (runStart >= 0) out.copy(bytes, runStart, runEnd);
}

const passes = (kind: number, keepTrailer: boolean): boolean =>
  kind === fieldKinds.plain ||
  kind === fieldKinds.via ||
  kind === fieldKinds.date ||
  (kind === fieldKinds.trailer && keepTrailer);
