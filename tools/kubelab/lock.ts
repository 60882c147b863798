import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A held lock; the kernel gives it back when the process ends, so a crash never leaves one behind. */
export interface Lock {
  release(): Promise<void>;
}

// An abstract Unix socket (leading NUL byte, Linux): exclusive like a lock file, but there is no file that could become stale.
const address = (key: string): string => `\0nm-kubelab-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;

/** Takes the machine-wide lock `key`, or returns undefined when another process (or this one) holds it. */
export function tryLock(key: string): Promise<Lock | undefined> {
  return new Promise((resolve, reject) => {
    const held = new Set<Socket>();
    const server: Server = createServer((socket) => {
      socket.unref();
      socket.on('error', () => socket.destroy());
      // The waiting side learns who holds the lock, then waits for the connection to close.
      socket.write(`${process.pid}\n`);
      held.add(socket);
      socket.on('close', () => held.delete(socket));
    });
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen({ path: address(key), exclusive: true }, () =>
      resolve({
        release: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of held) socket.destroy();
          }),
      }),
    );
  });
}

/** Runs `work` while holding `key`; `onWait` is told the holder's pid once if somebody else is first. */
export async function withLock<T>(
  key: string,
  work: () => Promise<T>,
  onWait?: (holderPid: number) => void,
): Promise<T> {
  let told = false;
  for (;;) {
    const lock = await tryLock(key);
    if (lock) {
      try {
        return await work();
      } finally {
        await lock.release();
      }
    }
    await holderGone(key, (pid) => {
      if (!told) onWait?.(pid);
      told = true;
    });
  }
}

function holderGone(key: string, onPid: (pid: number) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: address(key) });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => onPid(Number.parseInt(text, 10)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}
