import { once } from 'node:events';
import { type ClusterRequest, supervise as run, type SupervisorReport } from '../cluster/supervisor.ts';
import { runJanitor } from '../node/janitor.ts';

/** Body of the process that owns one cluster; started by `up` with an IPC channel, over which it gets its request and reports. */
export async function supervise(): Promise<number> {
  const [request] = (await once(process, 'message')) as [ClusterRequest];
  const starter = new AbortController();
  let ready = false;
  process.once('disconnect', () => {
    if (!ready) starter.abort();
  });
  const report = (message: SupervisorReport) => {
    ready ||= message.kind === 'ready';
    process.stdout.write(
      `${new Date().toISOString()} ${message.kind === 'ready' ? 'ready' : Object.values(message).join(' ')}\n`,
    );
    if (process.connected) process.send?.(message);
  };
  // Not left to the event loop to run empty: a stray handle must not keep a finished supervisor alive.
  process.exit(await run(request, report, starter.signal).catch((error: Error) => fail(error, report)));
}

function fail(error: Error, report: (message: SupervisorReport) => void): number {
  process.stdout.write(`${error.stack}\n`);
  report({ kind: 'failed', message: error.message });
  return 1;
}

/** Body of the process that undoes an abandoned real node. */
export async function janitor(): Promise<number> {
  await runJanitor();
  return 0;
}
