import type { Tx } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import type { TokenPair } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey, newId, parseBearerKey } from '@nm/kernel/ids';
import { accessSecondsMax, signAccessToken } from './access-token.js';
import type { AccessDeps } from './deps.js';

/** A login that is not refreshed for this long ends. */
const refreshMsMax = 30 * 86_400_000;

/** newRefreshToken adds a token to a login's family and returns its text, the only time that it exists. */
async function newRefreshToken(tx: Tx, userId: string, familyId: string, deps: AccessDeps): Promise<string> {
  const key = mintBearerKey('refresh');
  await tx.refreshToken.create({
    data: {
      id: newId('refreshToken'),
      userId,
      familyId,
      lookup: key.lookup,
      hash: deps.vault.hashBearerKey(key.text),
      expiresAt: new Date(deps.clock.nowMs() + refreshMsMax),
    },
  });
  return key.text;
}

async function pairOf(userId: string, refreshToken: string, deps: AccessDeps): Promise<TokenPair> {
  const accessToken = await signAccessToken(userId, deps);
  return { accessToken, refreshToken, tokenType: 'Bearer', expiresInSeconds: accessSecondsMax };
}

/** startLogin opens a new family of refresh tokens. */
export async function startLogin(userId: string, deps: AccessDeps): Promise<TokenPair> {
  const text = await deps.db.asSystem((tx) => newRefreshToken(tx, userId, newId('refreshToken'), deps));
  return pairOf(userId, text, deps);
}

type Rotation = { readonly userId: string; readonly text: string } | { readonly fault: Fault };

/**
 * refreshLogin trades a refresh token for a new pair. A token works once: the second use, whoever makes it, ends the family,
 * since one of the two users has stolen it.
 * @throws Fault unauthenticated, token_expired, refresh_reused
 */
export async function refreshLogin(text: string, deps: AccessDeps): Promise<TokenPair> {
  // The outcome leaves the transaction as a value: a throw would roll back the end of the family.
  const rotation = await deps.db.asSystem((tx) => rotate(tx, text, deps));
  if ('fault' in rotation) throw rotation.fault;
  return pairOf(rotation.userId, rotation.text, deps);
}

async function rotate(tx: Tx, text: string, deps: AccessDeps): Promise<Rotation> {
  const row = await findToken(tx, text, deps.vault);
  if (!row)
    return { fault: new Fault('unauthenticated', { public: 'This refresh token is not valid. Log in again.' }) };
  if (row.revokedAt && !row.usedAt)
    return { fault: new Fault('unauthenticated', { public: 'This login was ended. Log in again.' }) };
  if (row.expiresAt.getTime() <= deps.clock.nowMs()) return { fault: new Fault('token_expired') };
  // Of two uses at the same moment only one finds the token unused.
  const { count } = await tx.refreshToken.updateMany({
    where: { id: row.id, usedAt: null, revokedAt: null },
    data: { usedAt: deps.clock.now() },
  });
  if (count === 1) return { userId: row.userId, text: await newRefreshToken(tx, row.userId, row.familyId, deps) };
  await revokeFamily(tx, row.familyId, deps);
  return { fault: new Fault('refresh_reused', { internal: `family ${row.familyId} of ${row.userId} ended` }) };
}

/** logout ends the login that a refresh token belongs to; an unknown token changes nothing. */
export async function logout(text: string, deps: AccessDeps): Promise<void> {
  await deps.db.asSystem(async (tx) => {
    const row = await findToken(tx, text, deps.vault);
    if (row) await revokeFamily(tx, row.familyId, deps);
  });
}

async function revokeFamily(tx: Tx, familyId: string, { clock }: AccessDeps): Promise<void> {
  await tx.refreshToken.updateMany({ where: { familyId, revokedAt: null }, data: { revokedAt: clock.now() } });
}

async function findToken(tx: Tx, text: string, vault: Vault) {
  const key = parseBearerKey(text);
  if (key?.kind !== 'refresh') return undefined;
  const row = await tx.refreshToken.findUnique({ where: { lookup: key.lookup } });
  return row && vault.matchesBearerKey(text, row.hash) ? row : undefined;
}
