import pino from 'pino';

export type Logger = pino.Logger;

/** createLogger writes JSON lines to stdout; credentials are redacted wherever they could appear. */
export function createLogger(app: string, level: string): Logger {
  return pino({
    level,
    base: { app },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'authorization',
        '*.authorization',
        '*.cookie',
        'req.headers.authorization',
        'headers.authorization',
        '*.password',
        '*.token',
        '*.key',
        '*.kubeconfig',
      ],
      censor: '[redacted]',
    },
    serializers: { err: pino.stdSerializers.errWithCause },
  });
}
