import type { KindTable } from '../kinds/kind-table.js';
import { deepMerge, ownOf } from '../values/dict.js';
import { closestTo } from '../values/edit-distance.js';
import { type Descriptor, donorId, withoutOrigin } from './bundle.js';
import { type Finding, findingAt, type Place } from './finding.js';
import { bundleLimits } from './limits.js';
import type { SourceMap } from './source-map.js';

/**
 * inheritAll resolves `inherit` of every descriptor, once, and finds circles. A member that is inherited is copied, so a wide donor with many heirs would be
 * more than was ever written: what is copied is counted.
 */
export function inheritAll(
  descriptors: readonly Descriptor[],
  kinds: KindTable,
  sources: SourceMap,
  findings: Finding[],
): Descriptor[] {
  let left: number = bundleLimits.inherited;
  const made: typeof sources.joined = (merged, base, over) => {
    left -= Object.keys(merged).length;
    sources.joined(merged, base, over);
  };
  const byId = Map.groupBy(descriptors, ({ id }) => id);
  const done = new Map<Descriptor, Descriptor | undefined>();
  const resolve = (descriptor: Descriptor, heirs: readonly Descriptor[]): Descriptor | undefined => {
    if (done.has(descriptor)) return done.get(descriptor);
    const inherit = ownOf(descriptor.config, 'inherit');
    const place = sources.placeOf(descriptor.config, 'inherit') ?? descriptor.place;
    if (typeof inherit !== 'string') return finish(descriptor, withDefaults(descriptor, sources));
    if (heirs.includes(descriptor)) {
      const circle = [...heirs.slice(heirs.indexOf(descriptor)), descriptor].map(({ id }) => id).join(' → ');
      findings.push(findingAt(place, 'error', 'inherit_cycle', `Inherits from itself: ${circle}.`));
      return finish(descriptor, undefined);
    }
    const donor = byId
      .get(donorId(inherit))
      ?.find(
        (each) =>
          each !== descriptor &&
          (each.kind === '' || descriptor.kind === '' || related(kinds, each.kind, descriptor.kind)),
      );
    const given = donor && resolve(donor, [...heirs, descriptor]);
    if (left < 0) {
      findings.push(
        findingAt(place, 'error', 'too_many', `All that is inherited has more than ${bundleLimits.inherited} members.`),
      );
      return finish(descriptor, undefined);
    }
    if (!given) {
      if (!donor) findings.push(unknownDonor(place, donorId(inherit), byId.keys(), findings.length));
      return finish(descriptor, undefined);
    }
    const config = deepMerge(given.config, withoutOrigin(descriptor.config, sources), made);
    return finish(descriptor, withDefaults({ ...descriptor, kind: given.kind, config }, sources));
  };
  const finish = (from: Descriptor, to: Descriptor | undefined): Descriptor | undefined => {
    done.set(from, to);
    return to;
  };
  return descriptors.flatMap((each) => resolve(each, []) ?? []);
}

const related = (kinds: KindTable, left: string, right: string): boolean =>
  kinds.isA(left, right) || kinds.isA(right, left);

function unknownDonor(place: Place, id: string, ids: Iterable<string>, sofar: number): Finding {
  const close = sofar < bundleLimits.suggestions ? closestTo(id, ids) : undefined;
  return findingAt(
    place,
    'error',
    'unknown_reference',
    `There is nothing called "${id}" to inherit from.`,
    close ? `Did you mean "${close}"?` : undefined,
  );
}

/** withDefaults writes what every descriptor has: its kind, id, labels and spaces. */
function withDefaults(descriptor: Descriptor, sources: SourceMap): Descriptor {
  const { config, space } = descriptor;
  const filled = {
    ...config,
    id: descriptor.id,
    kind: descriptor.kind,
    labels: ownOf(config, 'labels') ?? {},
  };
  sources.joined(filled, config, config);
  const own = ownOf(config, 'space');
  return { ...descriptor, space: typeof own === 'string' ? own : space, config: Object.freeze(filled) };
}
