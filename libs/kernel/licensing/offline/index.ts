export { type OfflineSigningKey, signOfflineLicence } from './sign-offline-licence.js';
export { type OfflineCheck, type OfflineLicence, verifyOfflineLicence } from './verify-offline-licence.js';
