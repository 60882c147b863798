import { Vault } from '@nm/adapters/vault';

/** testVault seals what tests keep, with a key that everybody knows. */
export const testVault = new Vault(Buffer.alloc(32, 7));
