import type { Tx } from '@nm/adapters/db';
import { defaultChannel } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

/** stableVersion reads the version that a new install gets. @throws Fault no_published_version */
export async function stableVersion(tx: Tx, appId: string) {
  const channel = await tx.channel.findFirst({ where: { appId, name: defaultChannel }, include: { version: true } });
  if (channel?.version.state !== 'published') throw new Fault('no_published_version');
  return channel.version;
}
