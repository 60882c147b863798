export {
  type ContainerRunner,
  containerEngine,
  containerValuesPath,
  type EngineContainer,
} from './engines/container-engine.js';
export { executableEngine } from './engines/executable-engine.js';
export { type Chart, helmEngine } from './engines/helm-engine.js';
export { type HttpEngineOptions, httpEngine } from './engines/http-engine.js';
export { jinjaEngine } from './engines/jinja-engine.js';
export { ProgramRunner } from './engines/program-runner.js';
export { secretsEngine } from './engines/secrets-engine.js';
export {
  engineFailed,
  engineLimit,
  enginesByType,
  engineUnavailable,
  type Ktea,
  type Manifest,
  type TemplatingEngine,
  uriOf,
} from './engines/templating-engine.js';
export { simpleJq } from './simple-jq.js';
export { type TemplateLimits, TemplateWorkers } from './template-workers.js';
