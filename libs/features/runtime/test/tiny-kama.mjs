// A KAMA that does as it is told, for the tests of the runtime. Plain JavaScript: it also runs inside a container without a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { PORT, HOST, TINY_DELAY_MS = '0', TINY_EXIT_AFTER_MS, TINY_EXIT_CODE = '3', TINY_STUBBORN } = process.env;

console.log(`tiny kama ${process.pid} starts`);
process.on('SIGTERM', () => {
  console.log('told to stop');
  if (!TINY_STUBBORN) process.exit(0);
});
if (TINY_EXIT_AFTER_MS)
  setTimeout(() => {
    console.error('giving up as told');
    process.exit(Number(TINY_EXIT_CODE));
  }, Number(TINY_EXIT_AFTER_MS));

const eaten = [];
const attempt = (work) => {
  try {
    work();
    return 'ok';
  } catch (error) {
    return error.code;
  }
};

const routes = {
  '/api/ping': () => ({ ping: 'pong' }),
  '/env': () => process.env,
  '/facts': () => ({ pid: process.pid, uid: process.getuid(), cwd: process.cwd() }),
  '/writes': () => ({
    root: attempt(() => writeFileSync('/tiny-was-here', '')),
    tmp: attempt(() => writeFileSync('/tmp/tiny-was-here', '')),
  }),
  '/loan': () => {
    const { KUBECONFIG, NM_CLUSTER_TOKEN_FILE } = process.env;
    const read = (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        return error.code;
      }
    };
    const add = attempt(() => writeFileSync(`${KUBECONFIG}.more`, ''));
    return { kubeconfig: read(KUBECONFIG), token: read(NM_CLUSTER_TOKEN_FILE), add };
  },
  '/exit': () => setTimeout(() => process.exit(7), 10) && {},
  '/shout': () => {
    const line = 'x'.repeat(1023);
    for (let i = 0; i < 1500; i++) console.log(line);
    console.log('the last line');
    return {};
  },
  '/eat': () => {
    setInterval(() => eaten.push(Buffer.alloc(16 * 1024 * 1024, 1)), 5);
    return {};
  },
};

setTimeout(() => {
  createServer((request, response) => {
    const route = routes[request.url];
    response.writeHead(route ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(route ? route() : {}));
  }).listen(Number(PORT), HOST);
}, Number(TINY_DELAY_MS));
