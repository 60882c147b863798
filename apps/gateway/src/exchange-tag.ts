import type { StreamTag } from '@nm/features/routing';

/** What the gateway remembers of an open exchange: whose it is, and which instance it keeps awake. */
export interface ExchangeTag extends StreamTag {
  readonly orgId: string;
  readonly instanceId: string | undefined;
  readonly idleSeconds: number;
}
