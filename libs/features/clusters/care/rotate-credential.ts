import { isKubeStatus, KubeSession } from '@nm/adapters/k8kat';
import type { CredentialInfo, RotationReport } from '@nm/kernel/contracts';
import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import type { ClusterRow } from '../cluster-row.js';
import type { ClusterSessions } from '../cluster-sessions.js';
import { openCredential, sealCredential } from '../credential.js';
import { credentialInfo, rotationDue } from '../credential-info.js';
import type { ClusterDeps } from '../deps.js';
import { tokenSecrets } from '../permissions/identity-objects.js';

export interface RotateDeps extends ClusterDeps {
  readonly sessions: ClusterSessions;
}

/** Asked for; the API server may shorten it. */
const lifeSeconds = 7 * 24 * 3_600;
/** An API server remembers for ten seconds that a token was good. Milliseconds. */
const proofMs = 20_000;
const proofEveryMs = 1_000;

type ServiceAccount = NonNullable<CredentialInfo['serviceAccount']>;

/**
 * rotateCredential replaces a ServiceAccount token by a younger one: minted (TokenRequest), tried, stored, and only then the old one is ended, where the
 * cluster lets us. Whoever still holds the old one gets a 401 and reads the new one, so nothing fails. What came of it is written down.
 * @throws Fault not_found; conflict for a credential that is no ServiceAccount's
 */
export async function rotateCredential(deps: RotateDeps, id: string): Promise<RotationReport> {
  const row = await deps.db.asSystem((tx) => tx.cluster.findUnique({ where: { id } }));
  if (!row) throw new Fault('not_found', { internal: `no cluster ${id}` });
  const info = row.credentialInfo as Partial<CredentialInfo>;
  const { serviceAccount } = info;
  const credential = row.credential;
  if (info.kind !== 'service-account' || !serviceAccount || !credential)
    throw new Fault('conflict', { public: 'Only the token of a ServiceAccount can be replaced from here.' });
  try {
    const old = (await openCredential(deps.vault, row)).token ?? '';
    const session = await deps.sessions.forCluster(id);
    const secret = await makeSecret(session, serviceAccount);
    const token = await mintToken(session, serviceAccount, secret);
    await tryToken(deps, row, token);
    await store(deps, row, credential, token);
    deps.sessions.renewCredential(id);
    const previous = await endOld(deps, row, { old, info, serviceAccount });
    return await report(deps, id, { outcome: 'rotated', message: messageOf(previous), ...previous });
  } catch (error) {
    if (!isFault(error)) throw error;
    return report(deps, id, { outcome: 'failed', message: error.publicMessage });
  }
}

async function report(
  { db, clock }: RotateDeps,
  id: string,
  outcome: Omit<RotationReport, 'at'>,
): Promise<RotationReport> {
  const rotation = { at: clock.now().toISOString(), ...outcome };
  await db.asSystem((tx) => tx.cluster.updateMany({ where: { id }, data: { rotation } }));
  return rotation;
}

const messageOf = ({ previous, aliveUntil }: Pick<RotationReport, 'previous' | 'aliveUntil'>): string => {
  if (previous === 'dead') return 'The old token was ended, and the cluster refuses it.';
  return aliveUntil
    ? `The old token cannot be ended from here; it ends by itself at ${aliveUntil}.`
    : 'The old token cannot be ended from here, and never ends by itself: delete its Secret.';
};

interface BoundSecret {
  readonly name: string;
  readonly uid: string;
}

/** makeSecret makes what the new token is bound to; undefined when we may not, and the token will live until its end. */
async function makeSecret(
  session: KubeSession,
  { namespace, secret }: ServiceAccount,
): Promise<BoundSecret | undefined> {
  const name = tokenSecrets.find((each) => each !== secret) ?? tokenSecrets[0];
  const ref = { apiVersion: 'v1', kind: 'Secret', name, namespace };
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels: { managed_by: 'nmachine' } } };
  const create = () =>
    session.request<{ metadata: { uid: string } }>('POST', `/api/v1/namespaces/${namespace}/secrets`, { body });
  try {
    const made = await create().catch(async (error: unknown) => {
      if (!isKubeStatus(error, 409)) throw error;
      // Left over from a rotation that was cut short: no stored token hangs on it.
      await session.delete(ref, namespace);
      return create();
    });
    return { name, uid: made.metadata.uid };
  } catch (error) {
    if (hasCode(error, 'cluster_forbidden')) return undefined;
    throw error;
  }
}

async function mintToken(session: KubeSession, { namespace, name }: ServiceAccount, secret: BoundSecret | undefined) {
  const boundObjectRef = secret && { apiVersion: 'v1', kind: 'Secret', name: secret.name, uid: secret.uid };
  const answer = await session.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    {
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: lifeSeconds, ...(boundObjectRef ? { boundObjectRef } : {}) },
      },
      idempotent: true,
    },
  );
  return answer.status.token;
}

/** tryToken asks the cluster who a token is. @throws Fault cluster_unauthorized when it is nobody */
async function tryToken({ sessions, policy, clock }: RotateDeps, row: ClusterRow, token: string): Promise<void> {
  const session = new KubeSession({ ...sessions.placeOf(row), token }, { policy, clock });
  try {
    await session.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      idempotent: true,
    });
  } finally {
    await session.close();
  }
}

async function store({ db, vault, clock }: RotateDeps, row: ClusterRow, old: Uint8Array, token: string): Promise<void> {
  const info = credentialInfo({ token });
  const credential = await sealCredential(vault, row, { token });
  const { count } = await db.asSystem((tx) =>
    tx.cluster.updateMany({
      where: { id: row.id, credential: new Uint8Array(old) },
      data: {
        ...{ credential, credentialInfo: info, rotateAt: rotationDue(info, clock.nowMs()) },
        credentialExpiresAt: info.expiresAt ? new Date(info.expiresAt) : null,
      },
    }),
  );
  if (count === 0) throw new Fault('conflict', { public: 'Somebody else has replaced the credential meanwhile.' });
}

interface OldToken {
  readonly old: string;
  readonly info: Partial<CredentialInfo>;
  readonly serviceAccount: ServiceAccount;
}

/** endOld deletes the Secret that the old token hangs on, and waits until the cluster refuses the token. */
async function endOld(
  deps: RotateDeps,
  row: ClusterRow,
  { old, info, serviceAccount }: OldToken,
): Promise<Pick<RotationReport, 'previous' | 'aliveUntil'>> {
  const alive = { previous: 'alive' as const, ...(info.expiresAt ? { aliveUntil: info.expiresAt } : {}) };
  const { namespace, secret } = serviceAccount;
  if (secret === undefined) return alive;
  const session = await deps.sessions.forCluster(row.id);
  try {
    await session.delete({ apiVersion: 'v1', kind: 'Secret', name: secret, namespace }, namespace);
  } catch (error) {
    if (isFault(error)) return alive;
    throw error;
  }
  const untilMs = deps.clock.monotonicMs() + proofMs;
  while (deps.clock.monotonicMs() < untilMs) {
    const refused = await tryToken(deps, row, old).then(
      () => false,
      (error: unknown) => hasCode(error, 'cluster_unauthorized'),
    );
    if (refused) return { previous: 'dead' };
    await deps.clock.sleep(proofEveryMs);
  }
  return alive;
}
