// Command line of kubelab; runs on Node 24 without a build: node tools/kubelab/main.ts
import { KubelabError } from './errors.ts';

type Run = (args: string[]) => Promise<number>;

// Loaded on demand: `exec` runs often and needs none of the rest.
const COMMANDS: Readonly<Record<string, () => Promise<Run>>> = {
  build: async () => (await import('./cli/build.ts')).build,
  up: async () => (await import('./cli/up.ts')).up,
  down: async () => (await import('./cli/down.ts')).down,
  status: async () => (await import('./cli/status.ts')).status,
  list: async () => (await import('./cli/status.ts')).list,
  kubeconfig: async () => (await import('./cli/exec.ts')).kubeconfig,
  exec: async () => (await import('./cli/exec.ts')).exec,
  image: async () => (await import('./cli/image.ts')).image,
  // Not for people: the processes that own a cluster and stand by to clean up.
  supervise: async () => (await import('./cli/supervise.ts')).supervise,
  janitor: async () => (await import('./cli/supervise.ts')).janitor,
};

async function main([name = 'help', ...args]: string[]): Promise<number> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load && !['--help', '-h'].includes(args[0] ?? '')) return (await load())(args);
  const { USAGE } = await import('./cli/usage.ts');
  const asked = load !== undefined || ['help', '--help', '-h'].includes(name);
  (asked ? process.stdout : process.stderr).write(asked ? USAGE : `kubelab: unknown command "${name}"\n\n${USAGE}`);
  return asked ? 0 : 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  const told = error instanceof KubelabError || usage;
  process.stderr.write(`kubelab: ${told ? (error as Error).message : (error as Error).stack}\n`);
  process.exitCode = error instanceof KubelabError ? error.exitCode : usage ? 2 : 1;
}
