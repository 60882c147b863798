export { Mux, type MuxOptions } from './mux.js';
export type { MuxStream } from './mux-stream.js';
export { muxOverWebSocket, type SocketMuxOptions } from './web-socket-carrier.js';
