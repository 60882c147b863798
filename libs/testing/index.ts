export { selfSigned } from './certificates.js';
export { type EmbeddedPostgres, startPostgres } from './embedded-postgres.js';
export { freePort } from './free-port.js';
export { processAlive } from './process-alive.js';
