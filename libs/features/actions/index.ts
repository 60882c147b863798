export { checkPlan } from './check-plan.js';
export { type QueueRunInput, queueRun } from './queue-run.js';
