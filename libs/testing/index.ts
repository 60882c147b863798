export { type EmbeddedPostgres, startPostgres } from './embedded-postgres.js';
export { freePort } from './free-port.js';
