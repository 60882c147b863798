import type { Logger } from '@nm/adapters/telemetry';

/** tlsOf is where TLS is spoken and what proves us; undefined unless all of it is set. */
export const tlsOf = (certFile: string | undefined, keyFile: string | undefined, port: number | undefined) =>
  certFile === undefined || keyFile === undefined || port === undefined ? undefined : { certFile, keyFile, port };

/** reloadLog tells of a certificate that was replaced, or could not be. */
export const reloadLog =
  (log: Logger) =>
  (error?: unknown): void => {
    if (error === undefined) log.info('the certificate was replaced');
    else log.error({ err: error }, 'the new certificate cannot be used; the old one stays');
  };
