// The app behind the gateway, with every bad habit that apps have.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const block = Buffer.alloc(64 * 1024, 'x');

const habits = {
  '/ok': (_, response) => response.end('ok'),
  '/wait': (url, response) => setTimeout(() => response.end('late'), Number(url.searchParams.get('ms'))),
  '/big': (url, response) => send(response, Number(url.searchParams.get('kb')) * 1024),
  '/bye': (_, response) => response.writeHead(200, { connection: 'close' }).end('bye'),
  '/reset': (_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('half of ');
    setImmediate(() => response.socket?.resetAndDestroy());
  },
  '/refuse': (_, response) => response.socket?.destroy(),
  '/stall': (_, response) => response.writeHead(200).write('the rest never comes'),
  '/silent': () => undefined,
  '/early': (_, response) => response.writeHead(413).end('too much'),
  '/events': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\n\n'), 200);
    response.once('close', () => clearInterval(timer));
  },
  '/take': (_, response, request) => {
    let bytes = 0;
    request.on('data', (chunk) => (bytes += chunk.length)).on('end', () => response.end(String(bytes)));
  },
  '/sip': (_, response, request) => {
    let bytes = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
      request.pause();
      setTimeout(() => request.resume(), 20);
    });
    request.on('end', () => response.end(String(bytes)));
  },
};

function send(response, bytes) {
  response.writeHead(200, { 'content-length': bytes });
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const part = left < block.length ? block.subarray(0, left) : block;
      left -= part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** @returns port, and close(gently): what is under way is finished or reset */
export async function startApp() {
  const server = createServer((request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const url = new URL(request.url, 'http://app');
    (habits[url.pathname] ?? habits['/ok'])(url, response, request);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, { url }) => {
    socket.on('error', () => undefined);
    socket.on('message', (data) => (url === '/ws-drop' ? socket.terminate() : socket.send(data)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    close: (gently) => {
      server.close();
      if (gently) server.closeIdleConnections();
      else server.closeAllConnections();
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}
