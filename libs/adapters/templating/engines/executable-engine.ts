import { manifestsOfText, valuesOfText } from './engine-output.js';
import type { ProgramRunner } from './program-runner.js';
import { argsOf, engineFailed, type Ktea, type TemplatingEngine, uriOf, versionOf } from './templating-engine.js';

export interface ExecutableEngineOptions {
  readonly runner: ProgramRunner;
  /** Names what templates name things after: the install's namespace. */
  readonly release: string;
  /** Where the programs run: the folder with the templates. */
  readonly cwd?: string;
}

const valuesFile = 'values.yaml';

/**
 * executableEngine runs a program of this machine: `<uri>[:<version>] show values . <args>`, and `<uri>[:<version>] template <release> . -f <file>
 * <args>`. It runs as we do, so it is for development and for a publisher's own container, never for bundles of strangers.
 */
export function executableEngine({ runner, release, cwd }: ExecutableEngineOptions): TemplatingEngine {
  const run = (
    ktea: Ktea,
    args: (folder: string) => string[],
    files: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ) => runner.run({ program: programOf(ktea), args, files, signal, ...(cwd === undefined ? {} : { cwd }) });
  return {
    defaults: async (ktea, signal) => {
      const extra = argsOf(ktea);
      return valuesOfText(await run(ktea, () => ['show', 'values', '.', ...extra], new Map(), signal), uriOf(ktea));
    },
    template: async (ktea, values, signal) => {
      const extra = argsOf(ktea);
      const args = (folder: string) => ['template', release, '.', '-f', `${folder}/${valuesFile}`, ...extra];
      return manifestsOfText(await run(ktea, args, fileOf(values), signal), uriOf(ktea));
    },
  };
}

/** JSON is YAML. */
const fileOf = (values: object): ReadonlyMap<string, string> => new Map([[valuesFile, JSON.stringify(values)]]);

function programOf(ktea: Ktea): string {
  const [uri, version] = [uriOf(ktea), versionOf(ktea)];
  if (uri.startsWith('-')) throw engineFailed(`"${uri}" is no program`);
  return version === undefined ? uri : `${uri}:${version}`;
}
