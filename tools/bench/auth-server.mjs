// The smallest server that auth_request can ask: is this key in the list? Started as its own process, so that its CPU is its own.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [keysFile, port] = process.argv.slice(2);
const known = new Set(
  readFileSync(keysFile, 'utf8')
    .split('\n')
    .map((key) => `Bearer ${key}`),
);
createServer((request, response) => {
  response.writeHead(known.has(request.headers.authorization) ? 204 : 401).end();
}).listen(Number(port), '127.0.0.1');
