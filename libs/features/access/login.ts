import type { Login, TokenPair } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { AccessDeps } from './deps.js';
import { verifyPassword } from './password.js';
import { startLogin } from './refresh-token.js';

/** login trades e-mail address and password for tokens. @throws Fault invalid_credentials, the same and as slow for an unknown address */
export async function login(body: Login, deps: AccessDeps): Promise<TokenPair> {
  const user = await deps.db.asSystem((tx) => tx.user.findUnique({ where: { email: body.email } }));
  const matches = await verifyPassword(body.password, user?.passwordHash);
  if (!user || !matches) throw new Fault('invalid_credentials');
  return startLogin(user.id, deps);
}
