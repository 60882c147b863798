import type { IncomingMessage } from 'node:http';
import type { JWTVerifyGetKey } from 'jose';
import { Refusal } from '../serve.js';

/** Who asks, for which install, and what they may do: what NMachine's gateway says in `Nm-Context`. */
export interface Context {
  /** The header itself: with an install it is also the credential for NMachine's API and the cluster proxy. */
  readonly token: string;
  readonly mode: 'full' | 'read-only';
  readonly entitlements: Readonly<Record<string, unknown>>;
  readonly install: Install | undefined;
}

export interface Install {
  readonly id: string;
  readonly cluster: string;
  readonly namespace: string;
}

let keys: Promise<{ verify: typeof import('jose').jwtVerify; keySet: JWTVerifyGetKey }> | undefined;

/** Loaded with the first token, not at the start: a health check needs none of it. Keys are fetched once and kept. */
function load(jwksUrl: string) {
  keys ??= import('jose').then(({ createRemoteJWKSet, jwtVerify }) => ({
    verify: jwtVerify,
    keySet: createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: 1_000, timeoutDuration: 3_000 }),
  }));
  return keys;
}

/** readContext checks the signature, issuer, audience and times of `Nm-Context`; undefined when the header is absent. */
export async function readContext(request: IncomingMessage): Promise<Context | undefined> {
  const token = request.headers['nm-context'];
  if (typeof token !== 'string' || token === '') return undefined;
  const { NM_JWKS_URL, NM_APP_ID } = process.env;
  if (!NM_JWKS_URL || !NM_APP_ID)
    throw new Refusal(503, 'not_configured', 'NM_JWKS_URL and NM_APP_ID are not set, so no caller can be verified.');
  try {
    const { verify, keySet } = await load(NM_JWKS_URL);
    const { payload } = await verify(token, keySet, {
      issuer: 'nmachine',
      audience: NM_APP_ID,
      algorithms: ['EdDSA'],
      clockTolerance: 5,
    });
    return {
      token,
      mode: payload['mode'] === 'full' ? 'full' : 'read-only',
      entitlements: (payload['entitlements'] ?? {}) as Context['entitlements'],
      install: payload['install'] as Install | undefined,
    };
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    if (!code.startsWith('ERR_J') || code === 'ERR_JWKS_TIMEOUT') {
      console.error('keys cannot be fetched:', (error as Error).message);
      throw new Refusal(503, 'keys_unavailable', 'The keys of NMachine cannot be fetched right now. Try again.');
    }
    throw new Refusal(401, 'bad_context', 'The header Nm-Context is not one that NMachine signed for this app.');
  }
}

/** A context that names an install. */
export type InstallContext = Context & { readonly install: Install };

/** needInstall gives the context of a request that concerns an install. */
export function needInstall(context: Context | undefined): InstallContext {
  if (!context) throw new Refusal(401, 'no_context', 'This route answers through the gateway of NMachine only.');
  if (!context.install)
    throw new Refusal(409, 'no_install', 'No cluster is connected: register one and create an install first.');
  return context as InstallContext;
}

/** needWrite gives the context of a request that changes something. */
export function needWrite(context: Context | undefined): InstallContext {
  const checked = needInstall(context);
  if (checked.mode !== 'full')
    throw new Refusal(403, 'licence_read_only', 'The licence allows reading only. Renew it to change anything.');
  return checked;
}
