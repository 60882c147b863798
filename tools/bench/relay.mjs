// What the runtime itself costs: bytes from one socket to another by node:net, nothing read or decided. Arguments: port, port of the upstream.
import { connect, createServer } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2).map(Number);

createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: '127.0.0.1', port: upstreamPort, noDelay: true });
  const end = () => {
    client.destroy();
    upstream.destroy();
  };
  client.on('data', (bytes) => upstream.write(bytes));
  upstream.on('data', (bytes) => client.write(bytes));
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
}).listen(port, '127.0.0.1');
