export { type Decision, type DenyCode, decide, isSafeMethod, type LicenceFacts } from './decide.js';
