import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { targetOf } from '../../libs/testing/admin-target.js';
import { describeWith } from '../../libs/testing/needs.js';
import { startRedis, type TestRedis } from '../../libs/testing/redis.js';
import { ask, differences, type Side } from './ask.js';
import { kamafile } from './kamafile.js';
import { knownDifferences } from './known-differences.js';
import { type OriginalKama, pythonWithSdk, startOriginal } from './original-kama.js';
import { type OurKama, startOurs } from './our-kama.js';
import { type Request, requests } from './requests.js';

const descriptors = join(import.meta.dirname, 'descriptors');
const startMs = 900_000;
const wholeMs = 900_000;
const fieldManager = 'differential-test';

const described = ({ method, path, body }: Request): string => `${method} ${path} ${JSON.stringify(body) ?? ''}`;

describeWith(['kubernetes', 'redis', 'python'], 'the original SDK and ours, asked the same', () => {
  const tag = newId('request').slice(-8);
  let folder: string;
  let admin: KubeSession;
  let redis: TestRedis;
  let original: OriginalKama;
  let our: OurKama;
  let theirs: Side;
  let ours: Side;

  const namespaceWithKamafile = async (name: string): Promise<string> => {
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { fieldManager });
    const metadata = { name: 'kamafile', namespace: name, labels: { managed_by: 'nmachine' } };
    const data = { app: JSON.stringify(kamafile) };
    await admin.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { namespace: name, fieldManager });
    return name;
  };
  const begun = async (side: { url: string; namespace: string }): Promise<Side> => {
    const { body } = await ask(side, { method: 'POST', path: '/api/operations/op.order/generate-ost', body: {} });
    return { ...side, ostid: String((body as { data: string }).data) };
  };

  beforeAll(async () => {
    const kubeconfigPath = inject('kubeconfigPath');
    const target = targetOf(await readFile(kubeconfigPath, 'utf8'));
    admin = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    folder = await mkdtemp(join(tmpdir(), 'nm-differential-'));
    await cp(descriptors, join(folder, 'descriptors'), { recursive: true });
    const python = await pythonWithSdk();
    redis = await startRedis();
    const namespaces = { theirs: `original-${tag}`, ours: `ours-${tag}` };
    await namespaceWithKamafile(namespaces.theirs);
    await namespaceWithKamafile(namespaces.ours);
    original = await startOriginal({
      ...{ python, kubeconfigPath, descriptors },
      kubernetesBin: inject('kubernetesBin'),
      redisUrl: redis.url,
      namespace: namespaces.theirs,
    });
    our = await startOurs({ target, namespace: namespaces.ours, folder });
    theirs = await begun({ url: original.url, namespace: namespaces.theirs });
    ours = await begun({ url: our.url, namespace: namespaces.ours });
  }, startMs);

  afterAll(async () => {
    await our?.stop();
    await original?.stop();
    await redis?.stop();
    const name = (side: Side | undefined) => ({ apiVersion: 'v1', kind: 'Namespace', name: side?.namespace ?? '' });
    await Promise.all([theirs, ours].map((side) => side && admin.delete(name(side)).catch(() => undefined)));
    await admin?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('has at least 60 descriptors and 200 requests to compare by', async () => {
    const files = await readdir(descriptors);
    const documents = await Promise.all(files.map((file) => readFile(join(descriptors, file), 'utf8')));
    expect(documents.flatMap((text) => parseAllDocuments(text)).length).toBeGreaterThanOrEqual(60);
    expect(new Set(requests.map(described)).size).toBe(requests.length);
    expect(requests.length).toBeGreaterThanOrEqual(200);
  });

  it(
    'differs only where a defect of the original, or a promise of ours, is the reason',
    async () => {
      const unexplained: string[] = [];
      const seen = new Set<string>();
      for (const request of requests) {
        const [left, right] = await Promise.all([ask(theirs, request), ask(ours, request)]);
        for (const difference of differences(left, right)) {
          const at = difference.slice(0, difference.indexOf(': '));
          const known = knownDifferences.find((each) => each.request.test(described(request)) && each.at.test(at));
          if (known) seen.add(known.because);
          else unexplained.push(`${described(request)}\n    ${difference}`);
        }
      }
      expect(unexplained, original.printed().slice(-2_000)).toEqual([]);
      expect(knownDifferences.map(({ because }) => because).filter((because) => !seen.has(because))).toEqual([]);
    },
    wholeMs,
  );
});
