import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from './password.js';

describe('passwords', () => {
  it('are argon2id, salted, and verified', async () => {
    const [first, second] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('correct horse', first)).toBe(true);
    expect(await verifyPassword('correct  horse', first)).toBe(false);
  });

  it('never match without a stored hash, not even the decoy', async () => {
    expect(await verifyPassword('nobody has this password', undefined)).toBe(false);
  });
});
