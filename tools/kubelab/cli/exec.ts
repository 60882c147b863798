import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cachedBuild } from '../build/ensure-built.ts';
import { isRunning, readState } from '../cluster/state.ts';
import { KubelabError } from '../errors.ts';
import { cacheRoot, clusterDir } from '../paths.ts';

/** `kubelab kubeconfig`: path of the kubeconfig, or its content. */
export async function kubeconfig(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string', default: 'default' }, raw: { type: 'boolean' } },
  });
  const path = target(values.name).kubeconfig;
  process.stdout.write(values.raw ? readFileSync(path, 'utf8') : `${path}\n`);
  return 0;
}

/** `kubelab exec -- COMMAND`: exit code of the command. */
export async function exec(args: string[]): Promise<number> {
  const split = args.indexOf('--');
  const [command, ...rest] = split < 0 ? [] : args.slice(split + 1);
  if (!command) throw new KubelabError('Put the command behind two dashes: exec -- kubectl get pods', { exitCode: 2 });
  const { values } = parseArgs({
    args: args.slice(0, split),
    options: { name: { type: 'string', default: 'default' } },
  });
  const { kubeconfig: path, bin, cache } = target(values.name);
  const child = spawn(command, rest, {
    stdio: 'inherit',
    env: {
      ...process.env,
      KUBECONFIG: path,
      // Otherwise kubectl would keep its cache in the user's ~/.kube.
      KUBECACHEDIR: cache,
      PATH: [...(bin ? [bin] : []), process.env['PATH'] ?? ''].join(delimiter),
    },
  });
  // Ctrl-C reaches the command by the terminal; we wait for what it makes of it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done, reject) => {
    child.once('error', (error) => reject(new KubelabError(`${command}: ${error.message}`, { exitCode: 127 })));
    child.once('exit', (code, killedBy) => done(code ?? 128 + (killedBy ? constants.signals[killedBy] : 0)));
  });
}

function target(name: string): { kubeconfig: string; bin: string | undefined; cache: string } {
  const own = process.env['NM_TEST_KUBECONFIG'];
  if (own) {
    if (!existsSync(own)) throw new KubelabError(`NM_TEST_KUBECONFIG names ${own}, which does not exist.`);
    return { kubeconfig: resolve(own), bin: cachedBuild()?.bin, cache: join(cacheRoot(), 'kubectl-cache') };
  }
  const state = readState(clusterDir(name));
  if (!state || !isRunning(state))
    throw new KubelabError(`The cluster ${name} does not run: start it with "npm run kubelab -- up --name ${name}".`, {
      exitCode: 3,
    });
  return { kubeconfig: state.kubeconfigPath, bin: state.bin, cache: join(state.dir, 'kubectl-cache') };
}
