import { type KeyObject, verify } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { type CompiledRules, loadRules } from '../compile-rules.js';
import type { StandingFacts } from '../facts.js';
import { OfflineClaims } from './offline-claims.js';
import { offlineType } from './sign-offline-licence.js';

const charactersMax = 256 * 1024;
const Header = z.strictObject({ alg: z.literal('EdDSA'), typ: z.literal(offlineType), kid: z.string() });

export interface OfflineCheck {
  /** The signer's public keys by key id; Ed25519. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** Id of the app that asks. */
  readonly appId: string;
  readonly nowMs: number;
  /** The latest time that this verifier has ever seen, if it keeps that: a clock that is turned back then gains nothing. */
  readonly lastSeenMs?: number | undefined;
}

/** A verified offline licence: what `decide` needs, beside what the place of use knows itself (version, install, request). */
export interface OfflineLicence {
  readonly facts: Pick<StandingFacts, 'licence' | 'plan' | 'customer'>;
  readonly rules: CompiledRules;
  readonly claims: OfflineClaims;
  /** The time to decide with: never before what was seen already or the time of signing. Keep it as the next `lastSeenMs`. */
  readonly nowMs: number;
  /** By how much the clock is behind that: a hint that it was turned back. 0: it isn't. */
  readonly clockBehindMs: number;
}

const refuse = (internal: string): never => {
  throw new Fault('offline_licence_invalid', { internal });
};

/**
 * verifyOfflineLicence checks an offline licence and gives what to decide with.
 * @throws Fault offline_licence_invalid (damaged, of an unknown key, for another app, not yet valid), offline_licence_stale (behind its `exp`)
 */
export function verifyOfflineLicence(token: string, { keys, appId, nowMs, lastSeenMs }: OfflineCheck): OfflineLicence {
  const claims = readSigned(token, keys);
  if (claims.aud !== appId) refuse('for another app');
  const timeMs = Math.max(nowMs, lastSeenMs ?? nowMs, claims.iat * 1000);
  if (timeMs < claims.nbf * 1000) refuse('not valid yet');
  if (timeMs >= claims.exp * 1000) throw new Fault('offline_licence_stale');
  return {
    facts: factsOf(claims),
    rules: loadRules(claims.rules),
    claims,
    nowMs: timeMs,
    clockBehindMs: timeMs - nowMs,
  };
}

function factsOf({ sub, licence, plan, customer }: OfflineClaims): OfflineLicence['facts'] {
  const { firstUse, expiresAtMs, ...rest } = licence;
  const used = firstUse && { firstUse: { seconds: firstUse.seconds, usedAtMs: firstUse.usedAtMs } };
  return { licence: { id: sub, ...rest, expiresAtMs, ...used }, plan, customer };
}

function readSigned(token: string, keys: ReadonlyMap<string, KeyObject>): OfflineClaims {
  const parts = token.length > charactersMax ? [] : token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) refuse('not a compact JWS');
  const { kid } = read(header, Header, 'header');
  const key = keys.get(kid);
  if (key?.asymmetricKeyType !== 'ed25519') return refuse('unknown key');
  const isSigned = verify(null, Buffer.from(`${header}.${payload}`), key, bytesOf(signature));
  if (!isSigned) refuse('signature');
  return read(payload, OfflineClaims, 'claims');
}

function read<T extends z.ZodType>(part: string, shape: T, what: string): z.infer<T> {
  const { success, data } = shape.safeParse(jsonOf(part));
  return success ? data : refuse(what);
}

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(bytesOf(part).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** bytesOf decodes base64url and knows one spelling of each text only. */
function bytesOf(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : refuse('not base64url');
}
