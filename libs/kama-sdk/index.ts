export { configMapBackup, configMapSteps, kamafileReader } from './actions/kamafile-steps.js';
export type { PlannedAction } from './actions/plan-action.js';
export type { ActionNode } from './actions/planning.js';
export { virtualEngine } from './define/virtual-engine.js';
export { type Bundle, openPortable, type PortableBundle } from './descriptors/bundle.js';
export { type PackedBundle, packBundle, unpackBundle } from './descriptors/bundle-archive.js';
export type { BundleFile } from './descriptors/bundle-files.js';
export { type CompileOptions, compileBundle, lintBundle, loadBundle } from './descriptors/compile-bundle.js';
export { type Finding, formatFinding } from './descriptors/finding.js';
export { bundleLimits } from './descriptors/limits.js';
export { readBundleFolder } from './descriptors/read-bundle-folder.js';
export { KindTable } from './kinds/kind-table.js';
export { newOperationState, OperationState, withJob, withStatus } from './models/operation-state.js';
export type {
  ClusterReader,
  HttpReader,
  Hub,
  KamafileReader,
  KamafileSpace,
  TemplatingEngine,
} from './resolve/ports.js';
export { type TurnLimits, Turns } from './resolve/turns.js';
export { openSession, type Session, type SessionOptions } from './session/session.js';
export { coerceAll } from './values/coerce.js';
export { namedOrInline } from './values/named-or-inline.js';
