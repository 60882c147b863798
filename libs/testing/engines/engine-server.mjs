// A templating engine as a server, around `engine.mjs` as its program: what publishers build.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const engine = join(import.meta.dirname, 'engine.mjs');
let count = 0;

function render(url, body) {
  const { pathname, searchParams } = new URL(url, 'http://x');
  if (pathname === '/acme/1.0/values') return { data: { flavour: 'vanilla', count: 1 } };
  if (pathname === '/acme/1.0/presets/party') return { data: { assignments: { count: 50 } } };
  if (pathname !== '/acme/1.0/template') return undefined;
  const file = join(tmpdir(), `values-${count++}`);
  writeFileSync(file, body);
  const words = [engine, 'template', searchParams.get('release_name'), '-f', file];
  const run = spawnSync(process.execPath, words, { maxBuffer: 64 * 1024 * 1024 });
  if (run.status !== 0) return { error: String(run.stderr) };
  const documents = String(run.stdout).split('---\n');
  const manifests = documents.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text.split('\n')[0]));
  return { data: manifests.length > 0 ? manifests : String(run.stdout) };
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    if (body.includes('"hang":true')) return;
    const answer = render(request.url, body);
    response.writeHead(answer === undefined ? 404 : answer.error ? 422 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: 'not found' }));
  });
});
server.listen(8080);
process.on('SIGTERM', () => process.exit(0));
