import { readFileSync } from 'node:fs';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { Secret } from './secret.js';

/** environment is the one place where `process.env` is read. */
export const environment = (): Readonly<Record<string, string | undefined>> => process.env;

/**
 * loadConfig checks the environment against a schema and returns the typed, frozen result.
 * Empty variables count as absent. All problems are reported at once.
 * @throws Fault config_invalid naming each bad variable
 */
export function loadConfig<T extends z.ZodType>(
  schema: T,
  env: Readonly<Record<string, string | undefined>> = environment(),
): Readonly<z.output<T>> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(present);
  if (result.success) return Object.freeze(result.data as object) as Readonly<z.output<T>>;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.') || '(environment)'}: ${issue.message}`);
  throw new Fault('config_invalid', { public: `The configuration is not valid:\n${lines.join('\n')}` });
}

/** Port number in a variable. */
export const Port = z.coerce.number().int().min(0).max(65535);
/** A variable whose value is never printed. */
export const SecretText = z
  .string()
  .min(1)
  .transform((text) => new Secret(text));
/** `a,b , c` → ['a', 'b', 'c'] */
export const CommaList = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

const masterKeyBytes = 32;

/** Variables that every app shares. */
export const commonConfig = z
  .object({
    NM_DATABASE_URL: SecretText,
    NM_REDIS_URL: SecretText.optional(),
    NM_MASTER_KEY: SecretText.optional(),
    NM_MASTER_KEY_FILE: z.string().optional(),
    NM_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    /** Internal address of /healthz, /readyz and /metrics. */
    NM_OPS_HOST: z.string().default('127.0.0.1'),
    NM_OPS_PORT: Port.default(0),
    /** How long a stop may take before what is left is cut. */
    NM_DRAIN_MS: z.coerce.number().int().min(0).max(600_000).default(8_000),
    /** How requests from outside reach the gateway and the API; printed in answers. */
    NM_PUBLIC_GATEWAY_URL: z.url().default('http://127.0.0.1:8080'),
    NM_PUBLIC_API_URL: z.url().default('http://127.0.0.1:8090'),
  })
  .transform((env, context) => {
    const masterKeys = readMasterKeys(env.NM_MASTER_KEY?.reveal(), env.NM_MASTER_KEY_FILE);
    if (typeof masterKeys === 'string') {
      context.addIssue({ code: 'custom', path: ['NM_MASTER_KEY'], message: masterKeys });
      return z.NEVER;
    }
    return {
      databaseUrl: env.NM_DATABASE_URL,
      redisUrl: env.NM_REDIS_URL,
      masterKeys,
      logLevel: env.NM_LOG_LEVEL,
      opsHost: env.NM_OPS_HOST,
      opsPort: env.NM_OPS_PORT,
      drainMs: env.NM_DRAIN_MS,
      publicGatewayUrl: env.NM_PUBLIC_GATEWAY_URL.replace(/\/$/, ''),
      publicApiUrl: env.NM_PUBLIC_API_URL.replace(/\/$/, ''),
    };
  });
export type CommonConfig = z.output<typeof commonConfig>;

/** Where master keys come from. Of several, the first seals and all of them open: that is how one follows another. */
export type MasterKeySource =
  | { readonly kind: 'environment'; readonly keys: Secret<readonly Buffer[]> }
  | { readonly kind: 'file'; readonly path: string };

/** readMasterKeys returns the source, or the sentence that says what is wrong with it. */
function readMasterKeys(text: string | undefined, path: string | undefined): MasterKeySource | string {
  if (text !== undefined) {
    const keys = parseMasterKeys(text);
    return typeof keys === 'string' ? keys : { kind: 'environment', keys: new Secret(keys) };
  }
  if (path === undefined)
    return 'set NM_MASTER_KEY or NM_MASTER_KEY_FILE (32 random bytes in base64: openssl rand -base64 32)';
  try {
    const keys = parseMasterKeys(readFileSync(path, 'utf8'));
    return typeof keys === 'string' ? `the file ${path} (NM_MASTER_KEY_FILE): ${keys}` : { kind: 'file', path };
  } catch {
    return `the file ${path} (NM_MASTER_KEY_FILE) cannot be read`;
  }
}

/** parseMasterKeys reads keys in base64, one per line or separated by commas; a sentence when one is wrong. */
export function parseMasterKeys(text: string): readonly Buffer[] | string {
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((encoded) => Buffer.from(encoded, 'base64'));
  if (keys.length === 0) return 'there is no key';
  const wrong = keys.find((key) => key.length !== masterKeyBytes);
  return wrong ? `it must be ${masterKeyBytes} bytes in base64; it is ${wrong.length}` : keys;
}
