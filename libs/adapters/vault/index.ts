export { type SubkeyPurpose, Vault } from './vault.js';
