import { Vault } from '@nm/adapters/vault';
import { advanceRun } from '@nm/features/actions';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { labPolicy, openRunLab, type RunLab } from '../../../testing/run-lab.js';
import { ClusterSessions } from '../cluster-sessions.js';
import { replaceCredential } from '../replace-credential.js';
import { rotateCredential } from './rotate-credential.js';

const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch', 'delete'] }];
const rbacGroup = 'rbac.authorization.k8s.io';
const rotations = 3;
const never = new AbortController().signal;

describeWith(['kubernetes'], 'runs on a cluster whose token is replaced again and again', () => {
  let lab: RunLab;
  let clusterId: string;
  let rotating: Parameters<typeof rotateCredential>[0];
  const opened: ClusterSessions[] = [];
  const deps = () => ({ db: lab.database.db, vault: new Vault(lab.masterKey), policy: labPolicy(), clock });
  const openSessions = () => {
    const sessions = new ClusterSessions(deps());
    opened.push(sessions);
    return sessions;
  };
  const binding = () => ({
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRoleBinding',
    name: `rotation-${lab.namespace}`,
  });

  beforeAll(async () => {
    lab = await openRunLab({ roles: [{ name: 'app', rules }], clusterRoles: [] });
    const where = { id: lab.installId };
    ({ clusterId } = await lab.database.db.asSystem((tx) => tx.install.findUniqueOrThrow({ where })));
    const account = { kind: 'ServiceAccount', name: 'registered', namespace: lab.namespace };
    const { apiVersion, kind, name } = binding();
    for (const object of [
      { apiVersion: 'v1', kind: account.kind, metadata: { name: account.name, namespace: account.namespace } },
      {
        ...{ apiVersion, kind, metadata: { name } },
        roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [account],
      },
    ])
      await lab.admin.apply(object, { fieldManager: 'test' });
    const { token } = await lab.admin.requestToken(lab.namespace, account.name, 3_600);
    rotating = { ...deps(), sessions: openSessions() };
    await replaceCredential(rotating, lab.principal, clusterId, { token, allowInsecureTls: false });
    // The one that was registered is no child of ours: nothing that we could delete ends it.
    expect(await rotateCredential(rotating, clusterId)).toMatchObject({ outcome: 'rotated', previous: 'alive' });
  });
  afterAll(async () => {
    await lab.admin.delete(binding());
    await Promise.all(opened.map((sessions) => sessions.close()));
    await lab.close();
  });

  it('do not fail, though each old token is ended while they work, in processes that nobody tells of it', async () => {
    const installs = [lab.installId, (await lab.addInstall()).id];
    const outcomes: string[][] = [[], []];
    let isOver = false;
    /** Each run needs a new token of its install, and the cluster's own to ask for it. */
    const work = async (of: 0 | 1, sessionsOf: () => ClusterSessions): Promise<void> => {
      const installId = installs[of] ?? '';
      while (!isOver) {
        const data = { run: String(outcomes[of]?.length) };
        const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'work' }, data };
        const runId = await lab.queue(
          { steps: [{ kind: 'apply', title: 'Work', manifests: [manifest] }] },
          { installId },
        );
        const sessions = sessionsOf();
        sessions.invalidate('install', installId);
        outcomes[of]?.push(await advanceRun(lab.engine({ sessions }), runId, never));
      }
    };
    const kept = openSessions();
    const working = [work(0, () => kept), work(1, openSessions)];
    const moreWork = () => {
      const before = outcomes.map(({ length }) => length);
      const done = () => outcomes.every(({ length }, i) => length > (before[i] ?? 0) + 1);
      return expect.poll(done, { timeout: 120_000 }).toBe(true);
    };
    for (let round = 0; round < rotations; round++) {
      await moreWork();
      expect(await rotateCredential(rotating, clusterId)).toMatchObject({ outcome: 'rotated', previous: 'dead' });
    }
    await moreWork();
    isOver = true;
    await Promise.all(working);
    expect(new Set(outcomes.flat())).toEqual(new Set(['positive']));
  }, 600_000);
});
