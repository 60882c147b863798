import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@nm/adapters/telemetry';

/** nestLogger lets Nest's own messages go through our logger; its start-up chatter counts as debug. */
export function nestLogger(logger: Logger): LoggerService {
  const textOf = (message: unknown): string => (message instanceof Error ? message.message : String(message));
  return {
    log: (message) => logger.debug(textOf(message)),
    debug: (message) => logger.debug(textOf(message)),
    verbose: (message) => logger.trace(textOf(message)),
    warn: (message) => logger.warn(textOf(message)),
    error: (message, ...rest) =>
      logger.error({ err: message instanceof Error ? message : undefined, rest }, textOf(message)),
    fatal: (message) => logger.fatal(textOf(message)),
  };
}
