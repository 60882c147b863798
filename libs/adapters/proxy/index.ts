export { type EngineKind, engineKinds, openEngine } from './engine.js';
export type {
  Again,
  Answer,
  Connector,
  Engine,
  FieldFilter,
  FieldLines,
  FieldSink,
  MaybePromise,
  OpenExchange,
  Outcome,
  Plan,
  Policy,
  RequestHead,
  Target,
  Visit,
} from './exchange.js';
export type { MessageHead } from './net/message-head.js';
export { UpstreamConnection, type UpstreamHome, type UpstreamUser } from './net/upstream-connection.js';
export { overEvents, type Wire } from './net/wire.js';
export { type CertificateFiles, TlsListener } from './tls-listener.js';
