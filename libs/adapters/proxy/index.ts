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
export { type CertificateFiles, TlsListener } from './tls-listener.js';
