// A KAMA that reaches its install's cluster with nothing but what the runtime contract promises: KUBECONFIG and the two variables beside it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';

const { PORT, HOST, KUBECONFIG, NM_CLUSTER_URL, NM_CLUSTER_TOKEN_FILE } = process.env;

const asked = (path) =>
  new Promise((resolve, reject) => {
    const [, ca] = /certificate-authority-data: (\S+)/.exec(readFileSync(KUBECONFIG, 'utf8'));
    const headers = { authorization: `Bearer ${readFileSync(NM_CLUSTER_TOKEN_FILE, 'utf8')}` };
    request(`${NM_CLUSTER_URL}${path}`, { ca: Buffer.from(ca, 'base64'), headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, body: JSON.parse(text) }));
    })
      .on('error', reject)
      .end();
  });

createServer(async (incoming, response) => {
  const path = incoming.url.startsWith('/api/cluster/') ? incoming.url.slice('/api/cluster'.length) : undefined;
  const answer = path ? await asked(path).catch((error) => ({ error: error.message })) : {};
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}).listen(Number(PORT), HOST);
process.on('SIGTERM', () => process.exit(0));
