import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleMediaType, type Customer, type IssuedLicence, VersionSpec } from '@nm/kernel/contracts';
import { type ApiClient, tolerate } from './api-client.js';
import { projectRoot } from './config.js';

/** Apps of `examples/` that the demo offers beside the guestbook that is a program: one without code, one with code, a chart and a plugin. */
const examples = { 'guestbook-bundle': 'Guestbook, as descriptors', icecream: 'Ice cream' } as const;

/** missingExamples are those that no licence is known for. */
export const missingExamples = (keys: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(examples).filter((slug) => keys[slug] === undefined);

/**
 * seedExample publishes an example as its publisher would, and gives the key of a licence for a customer who has the guestbook already. It may be called again
 * after it was interrupted.
 */
export async function seedExample(publisher: ApiClient, org: string, slug: string, holder: string): Promise<string> {
  const folder = join(projectRoot, 'examples', slug);
  const spec = VersionSpec.parse(JSON.parse(await readFile(join(folder, 'version.json'), 'utf8')));
  if (spec.kind === 'bundle') {
    const { bytes, digest } = await (await import('./pack-example.js')).packExample(folder);
    await publisher.put(`/v1/orgs/${org}/bundles/${digest}`, bytes, bundleMediaType);
  }
  const app = `/v1/orgs/${org}/apps/${slug}`;
  const name = (examples as Readonly<Record<string, string>>)[slug] ?? slug;
  await tolerate('already_exists', publisher.post(`/v1/orgs/${org}/apps`, { slug, name }));
  await tolerate('already_exists', publisher.post(`${app}/versions`, { name: '1.0.0', spec }));
  await tolerate(409, publisher.post(`${app}/versions/1.0.0/publish`));
  await tolerate('already_exists', publisher.post(`${app}/plans`, { slug: 'team', name: 'Team' }));
  const { data } = await publisher.get<{ data: Customer[] }>(`/v1/orgs/${org}/customers`);
  const customer =
    data.find((known) => known.name === holder) ??
    (await publisher.post<Customer>(`/v1/orgs/${org}/customers`, { name: holder }));
  const licence = await publisher.post<IssuedLicence>(`${app}/licences`, { plan: 'team', customerId: customer.id });
  return licence.key;
}
