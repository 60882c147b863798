export { type Decision, decide, type DenyCode, isSafeMethod, type LicenceFacts } from './decide.js';
