/** A name server for pods (RFC 1035), as a program for `node -e`: answers the A records of the environment variable HOSTS (JSON). */
export const tinyDns = `
const hosts = JSON.parse(process.env.HOSTS);
const server = require('node:dgram').createSocket('udp4');
server.on('message', (query, from) => {
  let end = 12;
  const labels = [];
  while (query[end]) { labels.push(query.toString('latin1', end + 1, end + 1 + query[end])); end += query[end] + 1; }
  const address = hosts[labels.join('.').toLowerCase()];
  const isA = address && query.readUInt16BE(end + 1) === 1;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(address ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isA ? 1 : 0, 6);
  const answer = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address.split('.').map(Number)] : [];
  server.send(Buffer.concat([head, query.subarray(12, end + 5), Buffer.from(answer)]), from.port, from.address);
});
server.bind(53);
`;

/** A web server as a program for \`node -e\`: says its method and path, and its body back. */
export const tinyWeb = `
require('node:http').createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  response.writeHead(request.url === '/missing' ? 404 : 200, { 'x-served-by': 'tiny' });
  response.end(request.method + ' ' + request.url + ' ' + body);
}).listen(8080);
`;
