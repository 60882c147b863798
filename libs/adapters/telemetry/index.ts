export { createLogger, type Logger } from './logger.js';
export { type OpsServer, startOpsServer } from './ops-server.js';
