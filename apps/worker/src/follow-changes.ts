import { changeChannel, type Listener, listen } from '@nm/adapters/db';
import type { ClusterSessions } from '@nm/features/clusters';
import type { ContextKeys } from '@nm/features/context';
import { z } from 'zod';

const Message = z.object({ kind: z.string(), id: z.string() });

/** followChanges closes sessions whose cluster or install has changed, so that no run goes on with a withdrawn credential; and reads new signing keys. */
export function followChanges(
  url: string,
  sessions: ClusterSessions,
  keys: Pick<ContextKeys, 'refresh'>,
  onError: (error: unknown) => void,
): Listener {
  return listen({
    url,
    channels: [changeChannel],
    onMessage: (_channel, text) => {
      try {
        const { kind, id } = Message.parse(JSON.parse(text));
        if (kind === 'cluster' || kind === 'install') sessions.invalidate(kind, id);
        if (kind === 'signing_key') keys.refresh().catch(onError);
      } catch (error) {
        onError(error);
      }
    },
    onError,
  });
}
