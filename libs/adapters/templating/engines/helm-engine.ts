import { manifestsOfText, valuesOfText } from './engine-output.js';
import type { ProgramRunner } from './program-runner.js';
import { argsOf, engineFailed, type Ktea, type TemplatingEngine, uriOf } from './templating-engine.js';

/** A chart: a folder that we trust as ourselves, or files by their paths within the chart. */
export type Chart = { readonly folder: string } | { readonly files: ReadonlyMap<string, string> };

export interface HelmEngineOptions {
  readonly runner: ProgramRunner;
  /** Finds the chart that a `uri` names. */
  readonly chart: (uri: string) => Chart | undefined;
  readonly release: string;
  readonly namespace: string;
}

/** Helm takes no longer names. */
const releaseCharsMax = 53;
const program = 'helm';

/** Flags that only look at what is given. Others read files, start programs or dial. Those with a value take the next word too. */
const harmless: Readonly<Record<string, boolean>> = {
  '--set': true,
  '--set-string': true,
  '--set-json': true,
  '--set-literal': true,
  '--api-versions': true,
  '-a': true,
  '--kube-version': true,
  '--include-crds': false,
  '--skip-crds': false,
  '--is-upgrade': false,
  '--skip-schema-validation': false,
};

/**
 * helmEngine renders charts with `helm template`. Hooks are left out: a run has steps of its own instead. The release is called after the install's
 * namespace, and nothing of the cluster or the network is asked.
 */
export function helmEngine({ runner, chart, release, namespace }: HelmEngineOptions): TemplatingEngine {
  const placed = (ktea: Ktea): { at: (folder: string) => string; files: Map<string, string>; name: string } => {
    const uri = uriOf(ktea);
    const found = chart(uri);
    if (!found) throw engineFailed(`there is no chart "${uri}"`);
    if ('folder' in found) return { at: () => found.folder, files: new Map(), name: uri };
    const files = new Map([...found.files].map(([path, text]) => [`chart/${path}`, text]));
    return { at: (folder) => `${folder}/chart`, files, name: uri };
  };
  return {
    defaults: async (ktea, signal) => {
      const { at, files, name } = placed(ktea);
      const args = (folder: string) => ['show', 'values', at(folder)];
      return valuesOfText(await runner.run({ program, args, files, signal }), name);
    },
    template: async (ktea, values, signal) => {
      const { at, files, name } = placed(ktea);
      const extra = harmlessArgs(argsOf(ktea));
      files.set('values.yaml', JSON.stringify(values));
      const args = (folder: string) => [
        ...['template', nameOf(release), at(folder), '--namespace', namespace],
        ...['--values', `${folder}/values.yaml`, '--no-hooks', ...extra],
      ];
      return manifestsOfText(await runner.run({ program, args, files, signal }), name);
    },
  };
}

const nameOf = (release: string): string => release.slice(0, releaseCharsMax).replace(/-+$/, '');

/** harmlessArgs lets flags of a fixed list pass. @throws Fault template_failed */
function harmlessArgs(args: readonly string[]): readonly string[] {
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const takesValue = Object.hasOwn(harmless, name) ? harmless[name] : undefined;
    if (takesValue === undefined)
      throw engineFailed(
        `the flag "${word.slice(0, 100)}" of helm is not allowed; allowed are ${Object.keys(harmless).join(', ')}`,
      );
    if (takesValue && equals < 0) index += 1;
  }
  return args;
}
