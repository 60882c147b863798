import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { KubelabError } from './errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where the tool's own TypeScript and Go sources are. */
export const TOOL_DIR = import.meta.dirname;

/** Folder of all builds, outside of the work tree: a build is worth 6.5 minutes and survives `git clean`. */
export function cacheRoot(env: Env = process.env): string {
  if (env['NM_KUBELAB_CACHE']) return resolve(env['NM_KUBELAB_CACHE']);
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nmachine', 'kubelab');
}

/** Folder that holds one state folder per cluster. */
export function stateHome(env: Env = process.env): string {
  if (env['NM_KUBELAB_HOME']) return resolve(env['NM_KUBELAB_HOME']);
  if (env['NM_HOME']) return resolve(env['NM_HOME'], 'kubelab');
  return join(cacheRoot(env), 'run');
}

/** State folder of the cluster `name`. @throws KubelabError for a name that is not a DNS label (it becomes a folder name). */
export function clusterDir(name: string, env: Env = process.env): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) {
    throw new KubelabError(`"${name}" is not a cluster name: use up to 40 lower-case letters, digits and dashes.`, {
      exitCode: 2,
    });
  }
  return join(stateHome(env), name);
}

/** PATH for programs of the system: with the sbin folders, which a user's or a cron job's PATH often lacks. */
export function systemPath(env: Env = process.env): string {
  const folders = [
    ...(env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
    '/usr/bin',
    '/bin',
  ];
  return [...new Set(folders)].filter(Boolean).join(delimiter);
}
