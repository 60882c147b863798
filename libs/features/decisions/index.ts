export { type DecisionNote, DecisionRecorder } from './decision-recorder.js';
export { FirstUses } from './first-uses.js';
