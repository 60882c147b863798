export { type InlinePlace, type InlineRun, planInline } from './inline-run.js';
