import { usageOf } from './usage.js';

// Each command is loaded when it is asked for: somebody waits for a server that starts.

export interface Flags {
  readonly models?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly 'in-cluster'?: boolean | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly prototype?: boolean | undefined;
  readonly port?: string | undefined;
  readonly out?: string | undefined;
  readonly help?: boolean | undefined;
  readonly exec?: string | undefined;
  readonly chart?: string | undefined;
  readonly cwd?: string | undefined;
  readonly 'allow-args'?: boolean | undefined;
}

const defaultPort = 5000;

/** run does what a command line says; gives the exit code, none for a server that goes on. @throws Fault of the command */
export async function run(words: readonly string[], flags: Flags): Promise<number | undefined> {
  const [command = '', folder = '', id = '', attribute = ''] = words;
  if (flags.help || command === 'help') {
    console.log(usageOf(command === 'help' ? folder : command));
    return 0;
  }
  const { kubeconfig, context, namespace, models } = flags;
  const inCluster = flags['in-cluster'];
  const own = { folder, inCluster, kubeconfig, context, namespace, models };
  const port = flags.port === undefined ? defaultPort : Number(flags.port);
  if (command === 'host') return void (await (await import('./host.js')).host());
  if (command === 'ktea-server') {
    const { kteaServer } = await import('./ktea-server.js');
    return void (await kteaServer({ ...flags, allowArgs: flags['allow-args'] }));
  }
  if (folder !== '') {
    if (command === 'lint') return (await import('./lint.js')).lint(folder, models);
    if (command === 'pack') return (await import('./pack.js')).pack(folder, flags.out, models);
    if (command === 'test') return (await import('./simulate.js')).test(own);
    if (command === 'simulate' && id !== '') return (await import('./simulate.js')).simulate({ ...own, id });
    if (command === 'explain' && attribute !== '')
      return (await import('./explain.js')).explain({ ...own, id, attribute });
    if (command === 'dev')
      return void (await (await import('./serve-own.js')).serveOwn({ ...own, port, reload: true }));
    if (command === 'serve' && (kubeconfig !== undefined || inCluster || flags.prototype))
      return void (await (await import('./serve-own.js')).serveOwn({ ...own, port, reload: false }));
    if (command === 'serve') return void (await (await import('./serve.js')).serve(folder, models));
  }
  console.error(usageOf(command));
  return 2;
}
