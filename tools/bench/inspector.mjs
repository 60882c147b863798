// Looks into another Node process by its inspector: the only way to have it collect its garbage first without a line of code in it.
import { setTimeout as sleep } from 'node:timers/promises';

/** Node flag that opens an inspector on a free port of this machine. */
export const inspectFlag = '--inspect=127.0.0.1:0';

/** @param child started with `inspectFlag` and its stderr piped @returns liveBytes(): what is in use after a collection; close() */
export async function openInspector(child) {
  const url = await addressOf(child);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true });
  });
  const waiting = new Map();
  let next = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const ask = (method, params = {}) =>
    new Promise((resolve) => {
      waiting.set(++next, resolve);
      socket.send(JSON.stringify({ id: next, method, params }));
    });
  const evaluate = async (expression) =>
    JSON.parse((await ask('Runtime.evaluate', { expression: `JSON.stringify(${expression})` })).result.value);
  return {
    async liveBytes() {
      // What one collection lets go of (sockets, tables of weak references) the next can free.
      for (let i = 0; i < 3; i++) {
        await ask('HeapProfiler.collectGarbage');
        await sleep(30);
      }
      const { heapUsed, external, arrayBuffers, rss } = await evaluate('process.memoryUsage()');
      return { heap: heapUsed, external, arrayBuffers, rss };
    },
    close: () => socket.close(),
  };
}

function addressOf(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    const see = (chunk) => {
      text += chunk;
      const found = /Debugger listening on (ws:\S+)/.exec(text);
      if (!found) return;
      child.stderr.off('data', see);
      resolve(found[1]);
    };
    child.stderr.on('data', see);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text.slice(-500)}`)));
  });
}
