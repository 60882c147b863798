import { createHash } from 'node:crypto';
import { randomToken } from './random.js';
import { crockford } from './typeid.js';

/** The kinds of secret that we hand out: licence keys, API tokens, refresh tokens, tokens of agents, tickets of instances. */
export const bearerKinds = { licence: 'nml', apiToken: 'nmt', refresh: 'nmr', agent: 'nma', instance: 'nmi' } as const;
export type BearerKind = keyof typeof bearerKinds;

export interface BearerKey {
  readonly kind: BearerKind;
  /** Public part, stored in clear and indexed. */
  readonly lookup: string;
  /** The whole key as its holder sends it. */
  readonly text: string;
}

const lookupLength = 12;
const secretLength = 32;
const checksumLength = 6;

function checksum(body: string): string {
  const digest = createHash('sha256').update(body).digest();
  let text = '';
  for (let i = 0; i < checksumLength; i++) text += crockford[digest.readUInt8(i) & 31];
  return text;
}

/** mintBearerKey makes a new key with 160 random secret bits: `nml_<lookup>_<secret><checksum>`. */
export function mintBearerKey(kind: BearerKind): BearerKey {
  const lookup = randomToken(lookupLength, crockford);
  const body = `${bearerKinds[kind]}_${lookup}_${randomToken(secretLength, crockford)}`;
  return { kind, lookup, text: body + checksum(body) };
}

/** parseBearerKey reads a key's form; undefined when it is none of ours or mistyped (the checksum catches that without a look-up). */
export function parseBearerKey(text: string): BearerKey | undefined {
  const match = /^(nm[ltrai])_([0-9a-z]{12})_([0-9a-z]{38})$/.exec(text);
  if (!match) return undefined;
  const body = text.slice(0, -checksumLength);
  if (checksum(body) !== text.slice(-checksumLength)) return undefined;
  const kind = (Object.keys(bearerKinds) as BearerKind[]).find((name) => bearerKinds[name] === match[1]);
  return kind ? { kind, lookup: match[2] ?? '', text } : undefined;
}
