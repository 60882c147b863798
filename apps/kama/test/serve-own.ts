import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { systemClock } from '@nm/kernel/time';
import type { OwnChoice } from '../src/own/choose-own.js';
import { openOwn } from '../src/own/open-own.js';
import { createKama } from '../src/server/create-kama.js';

/** ownKama serves the app of a folder as a process of its own does, without NMachine. */
export async function ownKama(folder: string, choice: OwnChoice): Promise<{ url: string; close(): Promise<void> }> {
  const templates = new TemplateWorkers();
  const own = await openOwn(folder, choice, { clock: systemClock, templates });
  const app = await createKama({
    ...{ templates, clock: systemClock, log: createLogger('kama', 'silent') },
    address: (_headers, signal) => Promise.resolve(own.address(signal)),
  });
  await app.listen(0, '127.0.0.1');
  return {
    url: await app.getUrl(),
    close: async () => {
      await app.close();
      await own.close();
      await templates.close();
    },
  };
}
