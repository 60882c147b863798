import { inspect } from 'node:util';
import { TemplateWorkers } from '@nm/adapters/templating';
import type { Bundle } from '@nm/kama-sdk';
import { systemClock } from '@nm/kernel/time';
import type { OwnChoice } from '../own/choose-own.js';
import { openOwn } from '../own/open-own.js';
import { openVisit } from '../server/open-visit.js';
import type { Visit } from '../server/visit.js';
import { modelsLoader } from './load-models.js';

type Model = ReturnType<Visit['session']['model']>;

/** explain prints what an attribute comes to, and where each part of it was written; gives the exit code. @throws Fault not_found, descriptor_failed */
export async function explain({
  folder,
  id,
  attribute,
  models,
  ...choice
}: OwnChoice & {
  readonly folder: string;
  readonly id: string;
  readonly attribute: string;
  readonly models?: string | undefined;
}): Promise<number> {
  const templates = new TemplateWorkers();
  const own = await openOwn(folder, choice, { clock: systemClock, templates }, modelsLoader(models));
  try {
    const visit = openVisit(
      { clock: systemClock, templates },
      own.address(new AbortController().signal),
      new AbortController().signal,
    );
    const { session } = visit;
    const model = session.model(id);
    console.log(`${model.kind} "${id}"${model.space === undefined ? '' : `, space ${model.space}`}`);
    for (const line of writtenWhere(visit.bundle, model, attribute)) console.log(line);
    console.log(`${attribute} = ${shown(await session.resolve(id, attribute))}`);
    if (model.isA('ManifestVariable')) for (const line of await levels(visit, id, model.configSpace)) console.log(line);
    for (const note of session.notes)
      console.log(
        `note: ${note.descriptor}${note.attribute === undefined ? '' : `.${note.attribute}`}: ${note.message}`,
      );
    return 0;
  } finally {
    await templates.close();
    await own.close();
  }
}

const shown = (value: unknown): string => inspect(value, { depth: 8, breakLength: 120, sorted: false });

/** Where an attribute stands, and the parts of it that stand elsewhere because they were merged in. */
function writtenWhere(bundle: Bundle, model: Model, attribute: string): string[] {
  const raw = model.raw(attribute);
  if (raw === undefined) return [`  "${attribute}" is not written there${originWithout(model, attribute)}`];
  const lines = [`  written: ${shown(raw)}`, `  ${placeOf(bundle, model, model.config, attribute)}`];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [key, each] of Object.entries(value)) {
      lines.push(`  ${path}.${key}: ${placeOf(bundle, model, value, key)}`);
      walk(each, `${path}.${key}`);
    }
  };
  walk(raw, attribute);
  for (const [name, what] of [
    ['redefine', 'redefines it, which wins'],
    ['cache', 'has it worked out once'],
  ] as const) {
    const table = model.raw(name);
    if (typeof table === 'object' && table !== null && Object.hasOwn(table, attribute))
      lines.push(`  ${name} ${what}: ${placeOf(bundle, model, table, attribute)}`);
  }
  return lines;
}

const originWithout = (model: Model, attribute: string): string =>
  typeof (model.raw('redefine') as Record<string, unknown> | undefined)?.[attribute] === 'undefined'
    ? `: what ${model.kind} computes, or nothing`
    : ': "redefine" says it';

/** The descriptor that a place belongs to is the last one that begins before it. */
function placeOf(bundle: Bundle, model: Model, container: object, key: string): string {
  const place = bundle.sources.placeOf(container, key);
  if (!place) return 'made up by the SDK';
  const owners = bundle.descriptors.filter((each) => each.place.file === place.file && each.place.line <= place.line);
  const owner = owners.toSorted((left, right) => right.place.line - left.place.line)[0];
  const inherited = owner && owner.id !== model.id ? `, inherited from "${owner.id}"` : '';
  return `${place.file}:${place.line}:${place.column}${inherited}`;
}

async function levels({ session }: Visit, id: string, space: string): Promise<string[]> {
  const { assignments } = await session.variable(id, space);
  return (assignments as readonly { level_name: string; value: unknown; is_present: boolean }[]).map(
    ({ level_name, value, is_present }) => `  ${level_name}: ${is_present ? shown(value) : '-'}`,
  );
}
