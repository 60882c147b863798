export { type Change, type ChangeKind, changeChannel, changeKinds, recordChange } from './change.js';
export { Db, type DbOptions, type Statement, type Tx } from './db.js';
export type { GroupStatement } from './group-calls.js';
export { type Listener, listen } from './listen.js';
export { migrate } from './migrate.js';
export { ensureRoles } from './roles.js';
