export { OfflineClaims } from './offline-claims.js';
export { type OfflineSigningKey, offlineType, signOfflineLicence } from './sign-offline-licence.js';
export { type OfflineCheck, type OfflineLicence, verifyOfflineLicence } from './verify-offline-licence.js';
