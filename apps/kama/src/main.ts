import { parseArgs } from 'node:util';
import { isFault } from '@nm/kernel/fault';
import { host } from './commands/host.js';
import { lint } from './commands/lint.js';
import { serve } from './commands/serve.js';

const usage = `nmachine-kama serve <folder> [--models <module>]   host the app of a folder
nmachine-kama lint <folder> [--models <module>]    check it

--models: a module that exports "models", kinds of your own in TypeScript or JavaScript`;

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { models: { type: 'string' } } });
  const [command, folder] = positionals;
  if (command === 'serve' && folder) await serve(folder, values.models);
  else if (command === 'host') await host();
  else if (command === 'lint' && folder) process.exitCode = await lint(folder, values.models);
  else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(isFault(error) ? error.publicMessage : error);
  if (isFault(error) && Array.isArray(error.extra['findings'])) console.error(error.extra['findings']);
  process.exit(1);
}
