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

/** How to wait for a lock. */
export interface Waiting {
  /** Told once, if somebody else is first: the holder's pid. */
  readonly onWait?: (holderPid: number) => void;
  /** Gives up waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs `work` while holding `key`. @throws the signal's reason when it is aborted while waiting. */
export async function withLock<T>(key: string, work: () => Promise<T>, { onWait, signal }: Waiting = {}): Promise<T> {
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    const lock = await tryLock(key);
    if (lock) {
      try {
        return await work();
      } finally {
        await lock.release();
      }
    }
    const onPid = (pid: number) => {
      if (!told) onWait?.(pid);
      told = true;
    };
    await holderGone(key, onPid, signal);
  }
}

function holderGone(key: string, onPid: (pid: number) => void, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: address(key) });
    const giveUp = () => socket.destroy();
    signal?.addEventListener('abort', giveUp);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => onPid(Number.parseInt(text, 10)));
    socket.on('error', giveUp);
    socket.on('close', () => {
      signal?.removeEventListener('abort', giveUp);
      resolve();
    });
  });
}
