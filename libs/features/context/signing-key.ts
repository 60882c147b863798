import type { Tx } from '@nm/adapters/db';
import { recordChange } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { newId } from '@nm/kernel/ids';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** The one algorithm of context tokens: Ed25519 (RFC 8037); pinned, never read from a token (RFC 8725 §3.1). */
export const contextAlgorithm = 'EdDSA';

/** SigningKey is one row of `signing_key`, opened. */
export interface SigningKey {
  readonly id: string;
  readonly state: string;
  readonly createdAtMs: number;
  readonly publicJwk: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/** Key sets may be cached for a minute, and some verifiers look again only every half; a key signs nothing before all have seen it. */
export const publishMs = 120_000;

/** Serialises the creation of keys. */
const createLock = 7241010;

export const aadOf = (id: string): string[] => ['signing_key', id];

/** readSigningKeys opens every key that may still have tokens about, newest first. */
export async function readSigningKeys(tx: Tx, vault: Vault): Promise<SigningKey[]> {
  const rows = await tx.signingKey.findMany({
    where: { state: { in: ['active', 'retiring'] } },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  });
  return Promise.all(
    rows.map(async (row) => {
      const publicJwk = row.publicJwk as JWK;
      const privateJwk = JSON.parse((await vault.open(row.privateKey, aadOf(row.id))).toString()) as JWK;
      return {
        id: row.id,
        state: row.state,
        createdAtMs: row.createdAt.getTime(),
        publicJwk,
        publicKey: (await importJWK(publicJwk, contextAlgorithm)) as CryptoKey,
        privateKey: (await importJWK(privateJwk, contextAlgorithm)) as CryptoKey,
      };
    }),
  );
}

/** lockSigningKeys makes those who add keys take turns. */
export async function lockSigningKeys(tx: Tx): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${createLock})`;
}

/** ensureSigningKey makes the first key; of processes that start together, one does and the others find it. */
export async function ensureSigningKey(tx: Tx, vault: Vault, now: Date): Promise<void> {
  await lockSigningKeys(tx);
  if (await tx.signingKey.findFirst({ where: { state: 'active' }, select: { id: true } })) return;
  const id = await addSigningKey(tx, vault, now);
  await recordChange(tx, { kind: 'signing_key', id, orgId: null });
}

/** addSigningKey makes a key and stores it. @returns its id */
export async function addSigningKey(tx: Tx, vault: Vault, createdAt: Date): Promise<string> {
  const id = newId('signingKey');
  const { publicKey, privateKey } = await generateKeyPair(contextAlgorithm, { crv: 'Ed25519', extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: id, use: 'sig', alg: contextAlgorithm };
  const sealed = await vault.seal(JSON.stringify(await exportJWK(privateKey)), aadOf(id));
  await tx.signingKey.create({ data: { id, publicJwk, privateKey: sealed, state: 'active', createdAt } });
  return id;
}
