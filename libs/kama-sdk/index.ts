export type { Bundle } from './descriptors/bundle.js';
export { type BundleFile, readBundleFolder } from './descriptors/bundle-files.js';
export { compileBundle, lintBundle, loadBundle } from './descriptors/compile-bundle.js';
export { type Finding, formatFinding } from './descriptors/finding.js';
export { newOperationState, OperationState } from './models/operation-state.js';
export { openSession, type Session, type SessionOptions } from './session/session.js';
