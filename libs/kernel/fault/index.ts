export type { Actor, CodeEntry } from './code-entry.js';
export { type Code, codes } from './codes.js';
export { Fault, type FaultDetails, hasCode, invariant, isFault, toFault } from './fault.js';
export { type Problem, problemContentType, toProblem } from './problem.js';
