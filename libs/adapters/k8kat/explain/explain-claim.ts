import type { V1PersistentVolumeClaim, V1StorageClass } from '@kubernetes/client-node';
import type { Json } from '../kinds/kube-json.js';
import { type EventJson, type Explanation, eventEvidence, latest } from './explanation.js';

/** What is known of a claim. */
export interface ClaimFacts {
  readonly claim: Json<V1PersistentVolumeClaim>;
  readonly classes: readonly Json<V1StorageClass>[];
  readonly usedBy: readonly string[];
  readonly events: readonly EventJson[];
}

const defaultKey = 'storageclass.kubernetes.io/is-default-class';

/** explainClaim says why a claim has no volume; undefined when it has one. */
export function explainClaim({ claim, classes, usedBy, events }: ClaimFacts): Explanation | undefined {
  const phase = claim.status?.phase;
  const name =
    claim.spec?.storageClassName ??
    classes.find((each) => each.metadata?.annotations?.[defaultKey] === 'true')?.metadata?.name;
  const base = { severity: 'error' as const, confidence: 'certain' as const };
  if (phase === 'Lost')
    return {
      ...base,
      code: 'VolumeLost',
      summary: `Its volume ${claim.spec?.volumeName} is gone.`,
      evidence: [{ from: 'object', text: 'phase Lost' }],
      causes: ['Somebody deleted the volume under the claim.'],
      remedies: [{ text: 'Restore the volume, or make a new claim and restore the data.' }],
    };
  if (phase !== 'Pending') return undefined;
  const asked = {
    from: 'spec' as const,
    text: `storageClassName ${claim.spec?.storageClassName ?? '(default)'}, ${JSON.stringify(claim.spec?.resources?.requests ?? {})}`,
  };
  const failed = latest(events, ({ reason }) => reason === 'ProvisioningFailed');
  const storage = classes.find(({ metadata }) => metadata?.name === name);
  if (name === undefined || (name !== '' && !storage))
    return {
      ...base,
      code: 'StorageClassMissing',
      summary:
        name === undefined
          ? 'The claim names no storage class, and the cluster has no default.'
          : `There is no storage class "${name}".`,
      evidence: [
        asked,
        ...(failed ? [eventEvidence(failed)] : []),
        {
          from: 'object',
          text: `storage classes: ${classes.map(({ metadata }) => metadata?.name).join(', ') || 'none'}`,
        },
      ],
      causes: ['The claim was written for another cluster, or the storage driver is not installed.'],
      remedies: [
        { text: 'Name a storage class that is there, or install its driver.', command: 'kubectl get storageclass' },
      ],
    };
  if (failed)
    return {
      ...base,
      code: 'ProvisioningFailed',
      summary: `The storage driver cannot make the volume: ${failed.message ?? ''}`,
      evidence: [eventEvidence(failed), asked],
      causes: [failed.message ?? 'The driver gave no reason.'],
      remedies: [{ text: 'Do what the message says; look at the driver’s own logs.' }],
    };
  if (storage?.volumeBindingMode === 'WaitForFirstConsumer' && usedBy.length === 0)
    return {
      ...base,
      code: 'WaitsForPod',
      severity: 'warning',
      summary: 'The volume is made when the first pod uses the claim; none does.',
      evidence: [{ from: 'object', text: `storage class ${name}: WaitForFirstConsumer` }],
      causes: ['This is as wanted, unless a pod should be there.'],
      remedies: [{ text: 'Start the pod that uses the claim.' }],
    };
  return {
    ...base,
    code: 'VolumePending',
    summary: 'No volume fits the claim yet.',
    evidence: [
      asked,
      { from: 'object', text: `provisioner ${storage?.provisioner ?? 'none: a volume must be made by hand'}` },
    ],
    causes: ['The provisioner has not answered, or no volume has the size, access mode and class that is wanted.'],
    remedies: [
      {
        text: 'Look at the events of the claim and at the provisioner.',
        command: `kubectl describe pvc ${claim.metadata?.name} -n ${claim.metadata?.namespace}`,
      },
    ],
    confidence: 'likely',
  };
}
