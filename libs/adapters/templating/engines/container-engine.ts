import { manifestsOfText, valuesOfText } from './engine-output.js';
import { argsOf, engineFailed, type Ktea, type TemplatingEngine, uriOf, versionOf } from './templating-engine.js';

/** EngineContainer is one run of an image of a publisher's, in the namespace of the app. */
export interface EngineContainer {
  readonly image: string;
  /** Of the image's own entry point. */
  readonly args: readonly string[];
  /** Its values, as the file at `valuesPath`; none for the defaults. */
  readonly values: string | undefined;
}

/**
 * ContainerRunner runs a container to its end, in a pod without rights, and takes it away whatever happens.
 * @throws Fault template_failed, template_limit, engine_unavailable when it did not come to its end
 */
export type ContainerRunner = (
  container: EngineContainer,
  signal: AbortSignal,
) => Promise<{ readonly code: number; readonly output: string }>;

/** Where a container finds its values; the Kamafile itself is mounted at `/kamafile`, one file a space. */
export const containerValuesPath = '/values/master';
const wordsMax = 800;

/**
 * containerEngine runs an image: `<image> values <args>`, and `<image> template -f /values/master <args>`. `uri` names the image; `version` is its tag
 * where `uri` has none. Slower than a server, by the start of a pod, and it needs nothing that runs all the time.
 */
export function containerEngine(run: ContainerRunner): TemplatingEngine {
  const outputOf = async (ktea: Ktea, args: readonly string[], values: string | undefined, signal: AbortSignal) => {
    const image = imageOf(ktea);
    const { code, output } = await run({ image, args: [...args, ...argsOf(ktea)], values }, signal);
    if (code === 0) return { output, image };
    const said = output.trim().slice(-wordsMax);
    throw engineFailed(`the container of ${image} ended with ${code}${said === '' ? '' : `: ${said}`}`);
  };
  return {
    defaults: async (ktea, signal) => {
      const { output, image } = await outputOf(ktea, ['values'], undefined, signal);
      return valuesOfText(output, image);
    },
    template: async (ktea, values, signal) => {
      const args = ['template', '-f', containerValuesPath];
      const { output, image } = await outputOf(ktea, args, JSON.stringify(values), signal);
      return manifestsOfText(output, image);
    },
  };
}

/** A tag or digest that the `uri` has wins. The first colon behind the last slash begins a tag: others are of a port. */
function imageOf(ktea: Ktea): string {
  const [uri, version] = [uriOf(ktea), versionOf(ktea)];
  const tagged = uri.includes('@') || uri.slice(uri.lastIndexOf('/') + 1).includes(':');
  return tagged || version === undefined ? uri : `${uri}:${version}`;
}
