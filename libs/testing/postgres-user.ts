import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Fault } from '@nm/kernel/fault';

const run = promisify(execFile);

export interface UnixIds {
  readonly uid: number;
  readonly gid: number;
}

/** unprivilegedIds gives the user that PostgreSQL runs as: nobody special for an ordinary user, `postgres` (made when absent) under root, where it refuses to run. */
export async function unprivilegedIds(): Promise<UnixIds | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return await idsOf('postgres');
  } catch {
    try {
      await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
      return await idsOf('postgres');
    } catch (cause) {
      throw new Fault('config_invalid', {
        public:
          'PostgreSQL does not run as root, and the user "postgres" could not be created. Create it (useradd --system postgres) or start as an ordinary user.',
        cause,
      });
    }
  }
}

async function idsOf(user: string): Promise<UnixIds> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, user])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}
