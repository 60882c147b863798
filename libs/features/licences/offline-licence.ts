import type { Tx } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { requireApp } from '@nm/features/apps';
import {
  AccessRule,
  Entitlements,
  Limits,
  type OfflineKeySet,
  type OfflineLicence,
  type SignOffline,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { licenceFactsOf } from '@nm/kernel/licensing';
import { signOfflineLicence } from '@nm/kernel/licensing/offline';
import { z } from 'zod';
import type { LicenceDeps } from './issue-licence.js';
import { type Actor, recordEvent } from './licence-events.js';
import { requireLicenceRow } from './licence-row.js';
import { offlineKeyOf } from './offline-keys.js';

const daySeconds = 86_400;
const Rules = z.array(AccessRule);

/**
 * signOffline writes a licence, with the app's access rules, into a document that a place without connection verifies by itself. It cannot be called
 * back, so its days are bounded.
 * @throws Fault not_found; conflict when revoked or suspended
 */
export async function signOffline(
  { db, vault, clock }: LicenceDeps,
  actor: Actor,
  app: string,
  id: string,
  { days }: SignOffline,
): Promise<OfflineLicence> {
  const { orgId } = actor;
  const iat = Math.floor(clock.nowMs() / 1000);
  const exp = iat + days * daySeconds;
  const key = offlineKeyOf(vault, orgId);
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLicenceRow(tx, appId, id);
    if (row.state !== 'active')
      throw new Fault('conflict', {
        public: `This licence is ${row.state}: it does not go where nobody can call it back.`,
      });
    const plan = await tx.plan.findUniqueOrThrow({ where: { id: row.planId } });
    const { expiresAtMs, firstUse, grace, ...licence } = licenceFactsOf(row);
    const text = signOfflineLicence(
      {
        ...{ iss: 'nmachine', aud: appId, sub: id, jti: newId('request'), iat, nbf: iat, exp },
        licence: {
          ...licence,
          grace: [...grace],
          ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
          ...(firstUse
            ? {
                firstUse: {
                  seconds: firstUse.seconds,
                  ...(firstUse.usedAtMs === undefined ? {} : { usedAtMs: firstUse.usedAtMs }),
                },
              }
            : {}),
        },
        plan: {
          slug: plan.slug,
          entitlements: Entitlements.parse(plan.entitlements),
          limits: Limits.parse(plan.limits),
        },
        customer: row.customer,
        ...(await rulesInForce(tx, appId)),
      },
      key,
    );
    const expiresAt = new Date(exp * 1000).toISOString();
    await recordEvent(tx, clock, actor, id, 'offline_signed', { expiresAt });
    return { licence: text, keyId: key.kid, expiresAt };
  });
}

async function rulesInForce(tx: Tx, appId: string) {
  const set = await tx.accessRuleSet.findFirst({ where: { appId }, orderBy: { version: 'desc' } });
  return { rules: Rules.parse(set?.rules ?? []), rulesVersion: set?.version ?? 0 };
}

/** readOfflineKeys gives the public keys by which an organisation's offline licences are verified, to be shipped with the app. */
export const readOfflineKeys = (vault: Vault, orgId: string): OfflineKeySet => ({
  keys: [offlineKeyOf(vault, orgId).jwk],
});
