import { explain } from './explain.js';
import { host } from './host.js';
import { lint } from './lint.js';
import { pack } from './pack.js';
import { serve } from './serve.js';
import { serveOwn } from './serve-own.js';
import { simulate, test } from './simulate.js';
import { usageOf } from './usage.js';

export interface Flags {
  readonly models?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly prototype?: boolean | undefined;
  readonly port?: string | undefined;
  readonly out?: string | undefined;
  readonly help?: boolean | undefined;
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
  const own = { folder, kubeconfig, context, namespace };
  const port = flags.port === undefined ? defaultPort : Number(flags.port);
  if (command === 'host') return void (await host());
  if (folder !== '') {
    if (command === 'lint') return lint(folder, models);
    if (command === 'pack') return pack(folder, flags.out);
    if (command === 'test') return test(own);
    if (command === 'simulate' && id !== '') return simulate({ ...own, id });
    if (command === 'explain' && attribute !== '') return explain({ ...own, id, attribute });
    if (command === 'dev') return void (await serveOwn({ ...own, port, models, reload: true }));
    if (command === 'serve' && (kubeconfig !== undefined || flags.prototype))
      return void (await serveOwn({ ...own, port, models, reload: false }));
    if (command === 'serve') return void (await serve(folder, models));
  }
  console.error(usageOf(command));
  return 2;
}
