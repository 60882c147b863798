import { createServer } from 'node:http';
import type { AppProcess } from './app-process.js';

export interface OpsFront {
  close(): Promise<void>;
}

async function ask(app: AppProcess, path: string): Promise<{ ok: boolean; body: string }> {
  try {
    const answer = await fetch(`http://127.0.0.1:${app.opsPort}${path}`, { signal: AbortSignal.timeout(2_000) });
    return { ok: answer.ok, body: await answer.text() };
  } catch (error) {
    return { ok: false, body: JSON.stringify({ status: 'unreachable', reason: (error as Error).message }) };
  }
}

/** startOpsFront joins the apps' internal ports into one: health by app, metrics of all (each series carries its app label). */
export async function startOpsFront(port: number, apps: readonly AppProcess[]): Promise<OpsFront> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.split('?')[0] ?? '/';
      if (!['/healthz', '/readyz', '/metrics'].includes(path))
        return void response.writeHead(404).end('/healthz, /readyz or /metrics\n');
      const answers = await Promise.all(apps.map(async (app) => ({ app: app.name, ...(await ask(app, path)) })));
      if (path === '/metrics')
        return void response
          .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
          .end(answers.map((a) => a.body).join('\n'));
      const status = answers.every((answer) => answer.ok) ? 200 : 503;
      const byApp = Object.fromEntries(answers.map((answer) => [answer.app, answer.ok ? 'ok' : answer.body]));
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(`${JSON.stringify({ status: status === 200 ? 'ok' : 'unready', apps: byApp })}\n`);
    })();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
