import { describe, expect, it } from 'vitest';
import { checkAssignments, deepen, describeVariables, flatten, valuesOf } from './variables.js';

const empty = { default_vars: {}, vendor_injection_vars: {}, user_injection_vars: {}, user_vars: {} };

describe('the variables of the guestbook', () => {
  it('takes flat and deep assignments alike', () => {
    const flat = { 'web.replicas': 2, 'web.greeting': 'Hi' };
    expect(checkAssignments(flat)).toEqual(flat);
    expect(checkAssignments({ web: { replicas: 2, greeting: 'Hi' } })).toEqual(flat);
    expect(flatten(deepen(flat))).toEqual(flat);
  });

  it('refuses unknown names and wrong values, and names every fault', () => {
    const attempt = () => checkAssignments({ web: { replicas: 'two', colour: 'red' }, 'store.image': '$(reboot)' });
    expect(attempt).toThrow(
      expect.objectContaining({
        status: 400,
        reason:
          'web.replicas must be a whole number from 0 to 20; web.colour is no variable of this app; ' +
          'store.image must be an image reference of 1 to 300 characters.',
      }),
    );
    for (const nothing of [undefined, null, [], 'x', {}, { web: {} }])
      expect(() => checkAssignments(nothing)).toThrow(expect.objectContaining({ status: 400 }));
    expect(() => checkAssignments(JSON.parse('{"__proto__": {"polluted": true}}'))).toThrow();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('lets each level win over the one before it, and shows where a value comes from', () => {
    const kamafile = {
      default_vars: { web: { replicas: 1, greeting: 'default' } },
      vendor_injection_vars: { web: { replicas: 2 } },
      user_injection_vars: { 'web.replicas': 3 },
      user_vars: { web: { replicas: 4 } },
    };
    expect(valuesOf(kamafile)).toMatchObject({ 'web.replicas': 4, 'web.greeting': 'default' });
    expect(valuesOf({ ...kamafile, user_vars: {} })['web.replicas']).toBe(3);
    const listed = describeVariables(kamafile).find((each) => (each as { id: string }).id === 'web.replicas');
    expect(listed).toMatchObject({
      value: 4,
      is_valid: true,
      assignments: [
        { level_name: 'default', level_number: 0, value: 1 },
        { level_name: 'vendor_injection', value: 2 },
        { level_name: 'user_injection', value: 3 },
        { level_name: 'user', level_number: 3, value: 4, is_present: true },
      ],
    });
    expect(valuesOf(empty)['web.image']).toBe('nmachine/guestbook:1');
  });
});
