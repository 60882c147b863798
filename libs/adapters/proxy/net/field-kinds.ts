import { equalsLower, lowerBytes } from './bytes.js';
import { fieldKinds } from './message-head.js';

const names: Readonly<Record<string, number>> = {
  te: fieldKinds.hop,
  via: fieldKinds.via,
  host: fieldKinds.host,
  date: fieldKinds.date,
  expect: fieldKinds.expect,
  upgrade: fieldKinds.upgrade,
  trailer: fieldKinds.trailer,
  connection: fieldKinds.connection,
  'keep-alive': fieldKinds.hop,
  'content-length': fieldKinds.contentLength,
  'proxy-connection': fieldKinds.hop,
  'transfer-encoding': fieldKinds.transferEncoding,
  'proxy-authenticate': fieldKinds.hop,
  'proxy-authorization': fieldKinds.hop,
};

/** By length, so that most names are known to be plain without a look at their bytes. */
const byLength: { readonly name: Uint8Array; readonly kind: number }[][] = [];
for (const [name, kind] of Object.entries(names)) {
  byLength[name.length] ??= [];
  byLength[name.length]?.push({ name: lowerBytes(name), kind });
}
for (let length = 0; length < byLength.length; length++) byLength[length] ??= [];

/** classify tells what a field name means to the connection. */
export function classify(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start];
  if (candidates === undefined) return fieldKinds.plain;
  for (const { name, kind } of candidates) if (equalsLower(bytes, start, end, name)) return kind;
  return fieldKinds.plain;
}
