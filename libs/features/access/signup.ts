import type { Signup, TokenPair } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { AccessDeps } from './deps.js';
import { newOrg } from './orgs.js';
import { hashPassword } from './password.js';
import { startLogin } from './refresh-token.js';

/**
 * signup makes a person, their first organisation and their ownership of it, or none of them; then logs them in.
 * @throws Fault already_exists, without saying whether address or organisation is taken
 */
export async function signup(body: Signup, deps: AccessDeps): Promise<TokenPair> {
  const passwordHash = await hashPassword(body.password);
  const userId = newId('user');
  try {
    await deps.db.asSystem(async (tx) => {
      await tx.user.create({ data: { id: userId, email: body.email, name: body.name, passwordHash } });
      await newOrg(tx, body.org, userId);
    });
  } catch (error) {
    if (!hasCode(error, 'already_exists')) throw error;
    throw new Fault('already_exists', {
      public: 'This e-mail address or this name of an organisation is taken.',
      cause: error,
    });
  }
  return startLogin(userId, deps);
}
