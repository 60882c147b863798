import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** endOnSignal closes a server in order, then what it stood on, and ends the process, at the first SIGTERM or SIGINT. */
export function endOnSignal(app: NestFastifyApplication, release: () => Promise<void>): void {
  const stop = (): void => {
    void app
      .close()
      .then(release)
      .finally(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
}
