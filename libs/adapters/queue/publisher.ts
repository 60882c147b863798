import { Redis } from 'ioredis';
import type { OnQueueError } from './queue-backend.js';

export interface Publisher {
  /** @throws when Redis is away */
  publish(channel: string, message: string): Promise<void>;
  close(): Promise<void>;
}

/** openPublisher tells the subscribers of Redis channels. Who is not connected at that moment misses the message. */
export function openPublisher(redisUrl: string, onError: OnQueueError): Publisher {
  const client = new Redis(redisUrl, {
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  client.on('error', onError);
  return {
    publish: async (channel, message) => {
      await client.publish(channel, message);
    },
    close: async () => client.disconnect(),
  };
}
