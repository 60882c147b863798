import { isDict, ownOf } from '../values/dict.js';
import type { Bundle, Descriptor } from './bundle.js';
import { type Finding, findingAt, type Place } from './finding.js';
import { mentionsIn } from './reference.js';

interface Edge {
  readonly to: Descriptor;
  readonly place: Place;
}

/** Attributes whose value is chosen at run time, so that a circle through them may well end. */
const conditional = new Set([
  'on_true',
  'on_false',
  'if_true',
  'if_false',
  'items',
  'steps',
  'fields',
  'action',
  'sub_actions',
]);

/** findCircles finds suppliers and predicates whose value needs itself. */
export function findCircles(bundle: Bundle): Finding[] {
  const evaluated = bundle.descriptors.filter(
    ({ kind }) => bundle.kinds.isA(kind, 'Supplier') || bundle.kinds.isA(kind, 'Predicate'),
  );
  const edges = new Map(evaluated.map((each) => [each, edgesOf(each, bundle)]));
  const state = new Map<Descriptor, 'open' | 'closed'>();
  const findings: Finding[] = [];
  const visit = (descriptor: Descriptor, path: readonly Descriptor[]): void => {
    state.set(descriptor, 'open');
    for (const { to, place } of edges.get(descriptor) ?? []) {
      if (state.get(to) === 'open') {
        const circle = [...path.slice(path.indexOf(to)), to].map(({ id }) => id).join(' → ');
        findings.push(findingAt(place, 'error', 'reference_cycle', `The value needs itself: ${circle}.`));
      } else if (state.get(to) === undefined) visit(to, [...path, to]);
    }
    state.set(descriptor, 'closed');
  };
  for (const descriptor of evaluated) if (state.get(descriptor) === undefined) visit(descriptor, [descriptor]);
  return findings;
}

function edgesOf(descriptor: Descriptor, bundle: Bundle): Edge[] {
  const edges: Edge[] = [];
  const walk = (value: unknown, place: Place): void => {
    if (typeof value === 'string') {
      for (const { type, name, evaluated } of mentionsIn(value)) {
        const to = type === 'id' && evaluated ? bundle.find(name) : undefined;
        if (to) edges.push({ to, place });
      }
    } else if (Array.isArray(value)) {
      for (const item of value) walk(item, place);
    } else if (isDict(value) && ownOf(value, 'lazy') !== true) {
      for (const [key, each] of Object.entries(value))
        if (!conditional.has(key)) walk(each, bundle.sources.placeOf(value, key) ?? place);
    }
  };
  walk(descriptor.config, descriptor.place);
  return edges;
}
