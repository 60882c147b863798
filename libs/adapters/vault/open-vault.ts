import type { MasterKeySource } from '@nm/adapters/config';
import type { Db } from '@nm/adapters/db';
import { randomKeyBytes } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { FileKeys } from './file-keys.js';
import type { KeyProvider } from './key-provider.js';
import { LocalKeys } from './local-keys.js';
import type { SealedPlace } from './rewrap.js';
import { sealedColumn } from './sealed-column.js';
import { rootOf, Vault } from './vault.js';

const rootId = 'root';
const rootAad = ['vault_root', rootId];
const rootBytes = 32;

/** keyProviderOf is the provider that the configuration names. */
export const keyProviderOf = (source: MasterKeySource, clock: Clock): KeyProvider =>
  source.kind === 'file' ? new FileKeys(source.path, clock) : new LocalKeys(source.keys.reveal());

export interface OpenVaultOptions {
  readonly db: Db;
  readonly keys: KeyProvider;
}

/**
 * openVault loads the root of all subkeys, which is stored sealed, or makes it: from the one master key when the provider has a seed, so that what was
 * derived before still holds; at random otherwise.
 * @throws Fault store_unavailable, seal_broken when the database belongs to another master key, config_invalid
 */
export async function openVault({ db, keys }: OpenVaultOptions): Promise<Vault> {
  await keys.newestKeyId();
  const read = () => db.asSystem((tx) => tx.vaultRoot.findUnique({ where: { id: rootId } }));
  let row = await read();
  if (!row) {
    const fresh = keys.seed ? rootOf(keys.seed()) : randomKeyBytes(rootBytes);
    const sealed = await new Vault(keys, fresh).seal(fresh, rootAad);
    // Of processes that start together one writes, and all read what it wrote.
    await db.asSystem((tx) => tx.vaultRoot.createMany({ data: [{ id: rootId, sealed }], skipDuplicates: true }));
    row = await read();
  }
  const opener = new Vault(keys, Buffer.alloc(rootBytes));
  return new Vault(keys, await opener.open(row?.sealed ?? new Uint8Array(), rootAad));
}

/** rootPlace lets the sweep find the root. */
export const rootPlace = (db: Db): SealedPlace =>
  sealedColumn(db, { table: 'vault_root', column: 'sealed', aad: () => rootAad, ofTenants: false });
