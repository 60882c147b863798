import type { Vault } from '@nm/adapters/vault';
import type { RunPlan } from '@nm/kernel/contracts';
import { hideSecrets } from './hide-secrets.js';

/** What a plan is sealed and opened with. */
export type PlanVault = Pick<Vault, 'seal' | 'open'>;

/** Whose plan it is: sealed text of one row does not open as that of another. */
export type PlanOwner = readonly ['run' | 'run_schedule', orgId: string, id: string];

/** How a plan lies in its row. */
export interface StoredPlan {
  /** Without secrets when `sealedPlan` is there. */
  readonly plan: unknown;
  /** The whole plan, sealed, when there are secrets in it. */
  readonly sealedPlan: Uint8Array<ArrayBuffer> | null;
}

const aadOf = (owner: PlanOwner): string[] => [...owner, 'plan'];

/** storedPlan is how a plan is kept: what is secret in it lies sealed, the rest can be looked at. */
export async function storedPlan(vault: PlanVault, plan: RunPlan, owner: PlanOwner): Promise<StoredPlan> {
  let secrets = 0;
  const shown = hideSecrets(plan, () => {
    secrets++;
  });
  if (secrets === 0) return { plan, sealedPlan: null };
  return { plan: shown, sealedPlan: await vault.seal(JSON.stringify(plan), aadOf(owner)) };
}

/** openedPlan gives the plan as it was made. @throws Fault seal_broken */
export async function openedPlan(
  vault: PlanVault,
  { plan, sealedPlan }: { readonly plan: unknown; readonly sealedPlan: Uint8Array | null },
  owner: PlanOwner,
): Promise<unknown> {
  return sealedPlan === null ? plan : JSON.parse((await vault.open(sealedPlan, aadOf(owner))).toString('utf8'));
}

export { aadOf as planAad };
