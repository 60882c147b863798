import { Fault } from '@nm/kernel/fault';
import { readSpace, type Space } from './space.js';

/** Keys that only the first layout has. */
const marks = ['manifest_variables', 'manifest_defaults', 'tam', 'wiz'];

/** isOlderLayout tells the first layout, whose ConfigMap had one flat key per property. */
export const isOlderLayout = (data: Readonly<Record<string, string>>): boolean =>
  marks.some((mark) => Object.hasOwn(data, mark));

/** Plain text properties, with their present names. */
const renamed: Readonly<Record<string, string>> = {
  app_id: 'app_id',
  install_uuid: 'install_id',
  status: 'status',
  last_updated: 'last_updated',
  last_synced: 'last_synced',
  update_checked_at: 'update_checked_at',
};

/** Properties that hold JSON, with their present names. `sharing_prefs` has none: it is kept. */
const trees: Readonly<Record<string, string>> = {
  tam: 'ktea',
  wiz: 'kama',
  manifest_defaults: 'default_vars',
  manifest_variables: 'user_vars',
  prefs: 'prefs',
  sharing_prefs: 'sharing_prefs',
};

/** spaceOfOlderLayout reads the one space of the first layout. @throws Fault kamafile_invalid */
export function spaceOfOlderLayout(data: Readonly<Record<string, string>>): Space {
  const present = Object.entries(data).flatMap(([key, value]): [string, unknown][] => {
    if (Object.hasOwn(renamed, key)) return [[renamed[key] ?? key, value]];
    if (key === 'is_dev') return [['is_prototype', value.toLowerCase() === 'true']];
    if (Object.hasOwn(trees, key)) return value === '' ? [] : [[trees[key] ?? key, parse(value, key)]];
    return [];
  });
  return readSpace(Object.fromEntries(present), 'app');
}

function parse(json: string, key: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Fault('kamafile_invalid', { public: `The Kamafile is not valid: "${key}" is not JSON.`, cause });
  }
}
