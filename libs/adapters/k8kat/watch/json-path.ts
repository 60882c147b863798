import { Fault } from '@nm/kernel/fault';

type Step =
  | { readonly key: string }
  | { readonly index: number | '*' }
  | { readonly where: string; readonly equals: string };

/**
 * readJsonPath gives every value at a path in kubectl's notation: `{.status.conditions[?(@.type=="Ready")].status}`. Names, `['names']`,
 * indexes, `[*]` and equality filters are known. @throws Fault invalid_query for anything else
 */
export function readJsonPath(object: unknown, path: string): unknown[] {
  return parse(path).reduce<unknown[]>((values, step) => values.flatMap((value) => follow(value, step)), [object]);
}

function follow(value: unknown, step: Step): unknown[] {
  if ('key' in step) {
    const found = isRecord(value) && Object.hasOwn(value, step.key) ? value[step.key] : undefined;
    return found === undefined || found === null ? [] : [found];
  }
  const items = Array.isArray(value) ? value : [];
  if ('where' in step)
    return items.filter((item) => isRecord(item) && String(readJsonPath(item, step.where)[0]) === step.equals);
  if (step.index === '*') return isRecord(value) ? Object.values(value) : items;
  const found: unknown = items.at(step.index);
  return found === undefined ? [] : [found];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const tokens: readonly [RegExp, (match: RegExpExecArray) => Step][] = [
  [
    /^\[\?\(@((?:\.[\w-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\)\]/,
    (match) => ({ where: match[1] ?? '', equals: match[2] ?? match[3] ?? match[4] ?? '' }),
  ],
  [/^\[(-?\d+)\]/, (match) => ({ index: Number(match[1]) })],
  [/^\[\*\]/, () => ({ index: '*' })],
  [/^\[(?:'([^']*)'|"([^"]*)")\]/, (match) => ({ key: match[1] ?? match[2] ?? '' })],
  [/^\.((?:\\.|[\w/-])+)/, (match) => ({ key: (match[1] ?? '').replace(/\\(.)/g, '$1') })],
];

function parse(path: string): Step[] {
  let rest = path.trim().replace(/^\{(.*)\}$/s, '$1');
  if (!rest.startsWith('.') && !rest.startsWith('[')) rest = `.${rest}`;
  const steps: Step[] = [];
  while (rest !== '') {
    const hit = tokens.map(([form, make]) => ({ match: form.exec(rest), make })).find(({ match }) => match);
    if (!hit?.match) throw new Fault('invalid_query', { public: `"${path}" is not a path that is understood here.` });
    steps.push(hit.make(hit.match));
    rest = rest.slice(hit.match[0].length);
  }
  return steps;
}
