import { isFault } from '@nm/kernel/fault';
import { migrateDatabase } from './migrate-database.js';
import { rewrapSecrets } from './rewrap-secrets.js';

const [command = 'migrate'] = process.argv.slice(2);

try {
  if (command === 'migrate') await migrateDatabase(console.log);
  else if (command === 'rewrap') process.exitCode = (await rewrapSecrets(console.log)) ? 0 : 1;
  else {
    console.error(`"${command}" is none of: migrate, rewrap`);
    process.exitCode = 2;
  }
  process.exit();
} catch (error) {
  console.error(isFault(error) ? `${error.publicMessage}\n${error.message}` : error);
  process.exit(1);
}
