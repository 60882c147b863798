import { Fault } from '@nm/kernel/fault';
import { Model } from '../resolve/model.js';
import type { EvaluationView } from '../resolve/model-view.js';
import type { Hub } from '../resolve/ports.js';
import { toBoolean } from '../values/coerce.js';
import { type Dict, isDict, ownOf } from '../values/dict.js';
import { entryOf, readSpace } from './kamafile.js';

/** Ids that an app gives to what a prototype takes for the next release, and for an injection. */
export const mockReleaseId = 'sdk.provider.mock.ktea-update';
export const mockInjectionId = 'sdk.provider.mock.injection';

async function supplied(evaluation: EvaluationView, id: string): Promise<Dict | undefined> {
  const found = evaluation.bundle.find(id, 'Supplier');
  const value = found && (await Model.of(evaluation, found.config, found.kind).supply());
  return isDict(value) ? value : undefined;
}

async function mockReleases(evaluation: EvaluationView): Promise<Dict[]> {
  const releases: Dict[] = [];
  for (const { config, kind } of evaluation.bundle.query('Supplier', { labels: { supplies: 'mock-release' } })) {
    const value = await Model.of(evaluation, config, kind).supply();
    if (isDict(value)) releases.push(value);
  }
  return releases;
}

/** A prototype asks nobody: its releases and injections are suppliers of the app itself. */
const mockHub = (evaluation: EvaluationView): Hub => ({
  release: async (_space, id) =>
    (await mockReleases(evaluation)).find((each) => ownOf(each, 'id') === id) ?? supplied(evaluation, id),
  injection: () => supplied(evaluation, mockInjectionId),
  releases: () => mockReleases(evaluation),
  available: () => supplied(evaluation, mockReleaseId),
});

/** hubOf gives where releases and injections come from; none for an install that is no prototype and knows no hub. */
export async function hubOf(evaluation: EvaluationView): Promise<Hub | undefined> {
  if (evaluation.parts.hub) return evaluation.parts.hub;
  const prototype = entryOf(await readSpace(evaluation, 'app'), 'is_prototype');
  return toBoolean(prototype) ? mockHub(evaluation) : undefined;
}

/** releaseOf gives a release by its id. @throws Fault not_found */
export async function releaseOf(evaluation: EvaluationView, space: string, id: string): Promise<Dict> {
  const hub = await hubOf(evaluation);
  const signal = evaluation.parts.budget.call(() => ({ descriptor: id }));
  const release = await hub?.release(space, id, signal);
  if (!release) throw new Fault('not_found', { public: 'release does not exist' });
  return release;
}

/** engineOf is the engine that an install would have with a release. */
export function engineOf(old: unknown, release: Dict): Dict {
  return {
    ...(isDict(old) ? old : {}),
    ...(release['version'] === undefined ? {} : { version: release['version'] }),
    ...(release['ktea_type'] ? { type: release['ktea_type'] } : {}),
    ...(release['ktea_uri'] ? { uri: release['ktea_uri'] } : {}),
  };
}
