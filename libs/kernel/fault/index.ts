export { type Actor, type Code, type CodeEntry, codes } from './codes.js';
export { Fault, type FaultDetails, hasCode, invariant, isFault, toFault } from './fault.js';
export { type Problem, problemContentType, toProblem } from './problem.js';
