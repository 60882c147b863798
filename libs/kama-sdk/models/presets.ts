import type { ModelView } from '../resolve/model-view.js';
import { toBoolean } from '../values/coerce.js';
import { type Dict, deepToFlat, flatToDeep, isDict } from '../values/dict.js';
import { flatKeyOf, isSecret } from './variables.js';
import { type Meta, metaOf } from './views-of-models.js';

export interface PresetView extends Meta {
  readonly variables: readonly {
    readonly id: string;
    readonly info: string | null;
    readonly new_value: unknown;
    readonly old_value: unknown;
  }[];
}

async function assignmentsOf(preset: ModelView): Promise<Dict> {
  const attribute = preset.has('variable_assignments') ? 'variable_assignments' : 'variables';
  const assignments = await preset.own(attribute, { depth: 48 });
  return isDict(assignments) ? deepToFlat(flatToDeep(assignments)) : {};
}

/** presetView shows what a preset would change. */
export async function presetView(preset: ModelView, variables: readonly ModelView[]): Promise<PresetView> {
  const byKey = new Map<string, ModelView>();
  for (const variable of variables) byKey.set(await flatKeyOf(variable), variable);
  const views: PresetView['variables'][number][] = [];
  for (const [id, value] of Object.entries(await assignmentsOf(preset))) {
    const variable = byKey.get(id);
    views.push({
      id,
      info: variable ? await variable.text('info') : null,
      new_value: value,
      old_value: variable && !(await isSecret(variable)) ? await variable.attr('value') : null,
    });
  }
  return { ...(await metaOf(preset)), variables: views };
}

/** presetAssignments are those of a preset that are on a list; the default preset assigns nothing, and so takes everything back. */
export async function presetAssignments(preset: ModelView, whitelist: readonly string[]): Promise<Dict> {
  if (toBoolean(await preset.own('default'))) return {};
  const flat = Object.entries(await assignmentsOf(preset)).filter(([key]) => whitelist.includes(key));
  return flatToDeep(Object.fromEntries(flat));
}
