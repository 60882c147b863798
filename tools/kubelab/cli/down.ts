import { parseArgs } from 'node:util';
import { down as stopCluster } from '../cluster/down.ts';
import { clusterDir } from '../paths.ts';
import { clusterNames } from './status.ts';

const OPTIONS = {
  name: { type: 'string', default: 'default' },
  all: { type: 'boolean', default: false },
  wipe: { type: 'boolean', default: false },
} as const;

/** `kubelab down` */
export async function down(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const names = values.all ? clusterNames() : [values.name];
  await Promise.all(
    names.map(async (name) => {
      const began = performance.now();
      const stopped = await stopCluster(clusterDir(name), values.wipe);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      process.stderr.write(
        `kubelab: ${name} ${stopped ? `stopped after ${seconds}s` : 'was not running'}${values.wipe ? ', data removed' : ''}\n`,
      );
    }),
  );
  return 0;
}
