import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Customer, type IssuedLicence, type TokenPair, VersionSpec } from '@nm/kernel/contracts';
import { randomKeyBytes } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { ApiClient, tolerate } from './api-client.js';
import { projectRoot } from './config.js';
import { missingExamples, seedExample } from './seed-examples.js';

/** Demo is what `$NM_HOME/demo.json` holds, for people and scripts. */
export interface Demo {
  readonly gatewayUrl: string;
  readonly apiUrl: string;
  readonly opsUrl: string;
  /** Where agents of private clusters dial in. */
  readonly agentUrl: string;
  readonly publisher: { readonly email: string; readonly password: string; readonly org: string };
  readonly app: string;
  readonly licences: { readonly active: string; readonly expired: string; readonly suspended: string };
  /** The other apps that the demo offers, with a licence of the same customer. */
  readonly apps: Readonly<Record<string, DemoApp>>;
  readonly install?: string;
  readonly cluster?: string;
  /** The demo cluster's own admin file, for kubectl. */
  readonly kubeconfig?: string;
}

export interface DemoApp {
  readonly licence: string;
  readonly install?: string;
}

type Urls = Pick<Demo, 'gatewayUrl' | 'apiUrl' | 'opsUrl' | 'agentUrl'>;
type Seed = Pick<Demo, 'publisher'> & {
  licences: { -readonly [name in keyof Demo['licences']]?: string };
  /** By app. */
  keys?: Record<string, string>;
};

const dayMs = 86_400_000;
const org = 'acme';
const app = 'guestbook';
/** Who has the licences that are good. */
const holder = 'Initech';

/** writeDemo replaces demo.json as a whole, so that a script never reads half of it. */
export async function writeDemo(home: string, demo: Demo): Promise<void> {
  await writePrivate(join(home, 'demo.json'), demo);
}

async function writePrivate(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

const readJson = async <T>(file: string): Promise<T | undefined> => {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as T);
};

/**
 * seedDemo makes, through the public API only, what a publisher would make: the guestbook app, its version, a plan, and one licence in each state; and the other examples.
 * It is repeatable: each key is kept in `demo.seed.json` as soon as it is issued, since the store keeps only hashes.
 */
export async function seedDemo(home: string, urls: Urls): Promise<Demo> {
  const seedFile = join(home, 'demo.seed.json');
  const earlier = await readJson<Demo>(join(home, 'demo.json'));
  const seed: Seed = (await readJson<Seed>(seedFile)) ?? {
    publisher: { email: 'publisher@acme.example', password: randomKeyBytes(12).toString('base64url'), org },
    licences: {},
  };
  const { active, expired, suspended } = seed.licences;
  seed.keys ??= {};
  if (!(active && expired && suspended) || missingExamples(seed.keys).length > 0) {
    await writePrivate(seedFile, seed);
    await seedMissing(new ApiClient(urls.apiUrl), seed, () => writePrivate(seedFile, seed));
  }
  return {
    ...urls,
    publisher: seed.publisher,
    app,
    licences: seed.licences as Demo['licences'],
    apps: Object.fromEntries(
      Object.entries(seed.keys).map(([slug, licence]) => [slug, { ...earlier?.apps?.[slug], licence }]),
    ),
    ...(earlier?.cluster ? { cluster: earlier.cluster } : {}),
    ...(earlier?.install ? { install: earlier.install } : {}),
    ...(earlier?.kubeconfig ? { kubeconfig: earlier.kubeconfig } : {}),
  };
}

async function seedMissing(api: ApiClient, seed: Seed, save: () => Promise<void>): Promise<void> {
  const { email, password } = seed.publisher;
  await tolerate(
    'already_exists',
    api.post('/v1/auth/signup', { email, password, name: 'Ada Publisher', org: { slug: org, name: 'Acme' } }),
  );
  const publisher = api.as((await api.post<TokenPair>('/v1/auth/login', { email, password })).accessToken);
  await tolerate('already_exists', publisher.post(`/v1/orgs/${org}/apps`, { slug: app, name: 'Guestbook' }));
  const spec = VersionSpec.parse(
    JSON.parse(await readFile(join(projectRoot, 'examples/guestbook/version.json'), 'utf8')),
  );
  await tolerate('already_exists', publisher.post(`/v1/orgs/${org}/apps/${app}/versions`, { name: '1.0.0', spec }));
  await tolerate(409, publisher.post(`/v1/orgs/${org}/apps/${app}/versions/1.0.0/publish`));
  await tolerate(
    'already_exists',
    publisher.post(`/v1/orgs/${org}/apps/${app}/plans`, {
      slug: 'team',
      name: 'Team',
      entitlements: { replicas_max: 5 },
      limits: { installsMax: 3 },
    }),
  );

  const now = systemClock.nowMs();
  const iso = (ms: number) => new Date(ms).toISOString();
  const issue = async (name: keyof Demo['licences'], holder: string, body: object): Promise<IssuedLicence> => {
    const customer = await publisher.post<Customer>(`/v1/orgs/${org}/customers`, { name: holder });
    const licence = await publisher.post<IssuedLicence>(`/v1/orgs/${org}/apps/${app}/licences`, {
      plan: 'team',
      customerId: customer.id,
      ...body,
    });
    seed.licences[name] = licence.key;
    return licence;
  };
  if (!seed.licences.active) await issue('active', holder, { expiresAt: iso(now + 365 * dayMs) }).then(save);
  if (!seed.licences.expired)
    await issue('expired', 'Hooli', { startsAt: iso(now - 60 * dayMs), expiresAt: iso(now - dayMs) }).then(save);
  if (!seed.licences.suspended) {
    const licence = await issue('suspended', 'Globex', { expiresAt: iso(now + 365 * dayMs) });
    await publisher.post(`/v1/orgs/${org}/apps/${app}/licences/${licence.id}/suspend`);
    await save();
  }
  seed.keys ??= {};
  for (const slug of missingExamples(seed.keys)) {
    seed.keys[slug] = await seedExample(publisher, org, slug, holder);
    await save();
  }
}
