export { simpleJq } from './simple-jq.js';
export { type TemplateLimits, TemplateWorkers } from './template-workers.js';
