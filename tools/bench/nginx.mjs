// Debian's nginx in three parts: the upstream that all share, the bare proxy, and the proxy with auth_request.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotMeasure, programPath, start } from './processes.mjs';

const nginx = programPath('nginx');

export function requireNginx() {
  if (!nginx)
    throw new CannotMeasure(
      'nginx is not installed, and this bench compares with it. Install it: apt-get install nginx',
    );
}

/** About 200 bytes, as the figures of other proxies are given for. */
export const payload = JSON.stringify({ data: { status: 'ok', name: 'guestbook', items: 'x'.repeat(146) } });

/** Started by root, nginx would serve as somebody who may not read the bench's folder. */
const asRoot = process.getuid?.() === 0 ? 'user root;\n' : '';

function config(folder, port, server) {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
${asRoot}worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_timeout 65;
  keepalive_requests 1000000;
${temp.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
${server(port)}
}
`;
}

function startNginx(name, core, folder, port, server) {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  const file = join(own, 'nginx.conf');
  writeFileSync(file, config(own, port, server));
  return start(name, core, [nginx, '-e', 'stderr', '-c', file, '-p', own]);
}

const keptUpstream = (name, port) => `  upstream ${name} {
    server 127.0.0.1:${port};
    keepalive 128;
    keepalive_requests 1000000;
  }`;
const proxyTo = (name) => `proxy_pass http://${name}/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "";
      proxy_set_header X-Request-Id $request_id;`;

/** @param files folder that is served below /files/ */
export const startUpstream = (core, folder, port, files) =>
  startNginx(
    `upstream-${port}`,
    core,
    folder,
    port,
    () => `  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location / { return 200 '${payload}'; }
${files ? `    location /files/ { alias ${files}/; }` : ''}
  }`,
  );

/** @param more lines of the location */
export const startBareProxy = (core, folder, port, upstreamPort, more = '') =>
  startNginx(
    `nginx-${port}`,
    core,
    folder,
    port,
    () => `${keptUpstream('app', upstreamPort)}
  server {
    listen 127.0.0.1:${port};
    location /kama/acme/guestbook/ {
      ${proxyTo('app')}
      ${more}
    }
  }`,
  );

export const startAuthProxy = (core, folder, port, upstreamPort, authPort) =>
  startNginx(
    'nginx+auth_request',
    core,
    folder,
    port,
    () => `${keptUpstream('app', upstreamPort)}
${keptUpstream('auth', authPort)}
  server {
    listen 127.0.0.1:${port};
    location /kama/acme/guestbook/ {
      auth_request /auth;
      ${proxyTo('app')}
    }
    location = /auth {
      internal;
      proxy_pass http://auth/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }`,
  );
