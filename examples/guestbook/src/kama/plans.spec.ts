import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installPlan, type Step, scalePlan, uninstallPlan } from './plans.js';
import { valuesOf } from './variables.js';

const empty = { default_vars: {}, vendor_injection_vars: {}, user_injection_vars: {}, user_vars: {} };
const values = valuesOf({
  ...empty,
  user_vars: { web: { replicas: 3, greeting: 'Hi <b>' }, store: { image: 'x/y:2' } },
});
const objects = (steps: readonly Step[]) =>
  steps.flatMap((step) =>
    step.kind === 'apply' ? step.manifests.map((manifest) => `${manifest.kind}/${manifest.metadata.name}`) : [],
  );

describe('the plans of the guestbook', () => {
  it('brings up the store before the page, and waits for each', () => {
    const { steps } = installPlan(values);
    expect(steps.map((step) => step.kind)).toEqual(['apply', 'await', 'apply', 'await']);
    expect(objects(steps)).toEqual([
      'Service/guestbook-store',
      'StatefulSet/guestbook-store',
      'Service/guestbook-web',
      'Deployment/guestbook-web',
    ]);
  });

  it('puts the variables into the manifests', () => {
    const text = JSON.stringify(installPlan(values));
    expect(text).toContain('"replicas":3');
    expect(text).toContain('"image":"x/y:2"');
    expect(text).toContain('"value":"Hi <b>"');
  });

  it('scales the page and touches nothing else', () => {
    expect(objects(scalePlan(values).steps)).toEqual(['Service/guestbook-web', 'Deployment/guestbook-web']);
  });

  it('removes exactly what it installed', () => {
    const removed = uninstallPlan(values).steps.flatMap((step) =>
      step.kind === 'delete' ? step.refs.map((ref) => `${ref.kind}/${ref.name}`) : [],
    );
    expect(removed.sort()).toEqual(objects(installPlan(values).steps).sort());
  });

  it('needs no right that its version does not ask for', () => {
    const version = JSON.parse(readFileSync(join(import.meta.dirname, '../../version.json'), 'utf8'));
    const verbs = new Map<string, string[]>();
    for (const rule of version.rbac.roles[0].rules)
      for (const group of rule.apiGroups)
        for (const resource of rule.resources) verbs.set(`${group}/${resource}`, rule.verbs);
    for (const object of objects(installPlan(values).steps)) {
      const kind = object.split('/')[0]?.toLowerCase();
      const right = `${kind === 'service' ? '' : 'apps'}/${kind}s`;
      expect(verbs.get(right), right).toEqual(expect.arrayContaining(['get', 'create', 'patch', 'delete']));
    }
    expect(verbs.get('/configmaps')).toEqual(expect.arrayContaining(['get', 'create', 'update']));
    expect(verbs.get('/secrets')).toBeUndefined();
  });
});
