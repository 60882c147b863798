export { createLogger, type Logger } from './logger.js';
export { type OpsServer, startOpsServer } from './ops-server.js';
export { openTraceExport, type SpanNote, type TraceExport } from './otlp-traces.js';
