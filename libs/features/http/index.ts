export { Answers } from './answers.decorator.js';
export { createHttpApp } from './create-http-app.js';
export { type DrainOptions, drain } from './drain.js';
export { type EventStream, EventStreams, type StreamEvent } from './event-streams.js';
export { type Listening, listenOn } from './listen-on.js';
export { type OpenApiOptions, openApiOf, serveOpenApi } from './openapi.js';
