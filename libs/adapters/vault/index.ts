export type { KeyProvider, WrappedKey } from './key-provider.js';
export { LocalKeys } from './local-keys.js';
export { keyProviderOf, type OpenVaultOptions, openVault, rootPlace } from './open-vault.js';
export { type RewrapOptions, type RewrapReport, rewrap, type SealedPlace, type StoredSecret } from './rewrap.js';
export { type SealedColumn, sealedColumn } from './sealed-column.js';
export { type SubkeyPurpose, Vault } from './vault.js';
