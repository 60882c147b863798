import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kamaRoutes, routeKey } from './kama-contract.js';
import { kamaOpenApi } from './openapi.js';

const published = join(import.meta.dirname, '../../../../docs/kama-openapi.yaml');

it('names each route once, with a name of its own', () => {
  const keys = kamaRoutes.map(routeKey);
  expect(new Set(keys).size).toBe(keys.length);
  const names = JSON.stringify(kamaOpenApi()).match(/"operationId":"\w+"/g) ?? [];
  expect(new Set(names).size).toBe(keys.length);
});

it('refers to nothing that it does not hold', () => {
  const { components } = kamaOpenApi() as { components: { schemas: Record<string, unknown> } };
  const refs = JSON.stringify(kamaOpenApi()).match(/#\/components\/schemas\/\w+/g) ?? [];
  expect(refs.length).toBeGreaterThan(100);
  for (const ref of new Set(refs)) expect(components.schemas).toHaveProperty(ref.split('/').at(-1) ?? '');
  expect(JSON.stringify(kamaOpenApi())).not.toContain('#/$defs');
});

it('is published as it is served (vitest -u writes it anew)', async () => {
  await expect(stringify(kamaOpenApi(), { lineWidth: 0, aliasDuplicateObjects: false })).toMatchFileSnapshot(published);
});
