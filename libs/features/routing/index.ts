export { Activator, type ActivatorOptions, type Ready, type WakeTarget } from './activator.js';
export { type Admission, type AdmitDeps, type AdmitRequest, admit, decideOrThrow, unverifiable } from './admit.js';
export { ChangeFeed, type ChangeFeedOptions } from './change-feed.js';
export { ContextTokens } from './context-tokens.js';
export { bearerOf, Credentials } from './credentials.js';
export { Directory } from './directory.js';
export type { AppEntry, InstallEntry, InstanceEntry, LicenceEntry, VersionEntry } from './entries.js';
export { type ClusterPath, type KamaPath, parseClusterPath, parseKamaPath } from './parse-path.js';
export { review, type StreamTag } from './review.js';
