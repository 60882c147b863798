import { Db } from '@nm/adapters/db';
import { keyProviderOf, openVault, type Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import { ChangeFeed, Directory } from '@nm/features/routing';
import type { Clock } from '@nm/kernel/time';
import type { GatewayConfig } from './config.js';

/** What the gateway knows, and how it hears that it no longer does. */
export interface Memory {
  readonly db: Db;
  readonly vault: Vault;
  readonly keys: ContextKeys;
  readonly directory: Directory;
  readonly feed: ChangeFeed;
  close(): Promise<void>;
}

/**
 * openMemory resolves once the store has answered.
 * @param entries where the directory's entries are read, when not in the store
 * @throws Fault store_unavailable, seal_broken
 */
export async function openMemory(
  config: GatewayConfig,
  clock: Clock,
  onError: (error: unknown) => void,
  entries?: Pick<Db, 'asSystem'>,
): Promise<Memory> {
  const db = new Db({ url: config.databaseUrl.reveal(), applicationName: 'nm-gateway', onPoolError: onError });
  try {
    const vault = await openVault({ db, keys: keyProviderOf(config.masterKeys, clock) });
    const keys = await ContextKeys.open({ db, vault, clock });
    const directory = new Directory(entries ?? db, clock);
    const feed = await ChangeFeed.start({
      db,
      clock,
      redisUrl: config.redisUrl?.reveal(),
      apply: (change) => directory.apply(change),
      reset: () => directory.clear(),
      onError,
    });
    const close = async (): Promise<void> => {
      await feed.close();
      await db.close();
    };
    return { db, vault, keys, directory, feed, close };
  } catch (error) {
    await db.close();
    throw error;
  }
}
