import { isFault } from '@nm/kernel/fault';
import { lint } from './commands/lint.js';
import { serve } from './commands/serve.js';

const usage = `nmachine-kama serve <folder>   host the app of a folder
nmachine-kama lint <folder>    check it`;

const [command, folder] = process.argv.slice(2);
try {
  if (command === 'serve' && folder) await serve(folder);
  else if (command === 'lint' && folder) process.exitCode = await lint(folder);
  else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(isFault(error) ? error.publicMessage : error);
  if (isFault(error) && Array.isArray(error.extra['findings'])) console.error(error.extra['findings']);
  process.exit(1);
}
