import type { TemplateWorkers } from '../template-workers.js';
import { manifestsOfText, valuesOfText } from './engine-output.js';
import { engineFailed, type TemplatingEngine, uriOf } from './templating-engine.js';

export interface JinjaEngineOptions {
  readonly workers: Pick<TemplateWorkers, 'jinja'>;
  /** Whose turn it is. */
  readonly tenant: string;
  /** Reads a template by its name, or the file with the defaults. */
  readonly file: (name: string) => string | undefined;
}

const defaultsName = 'values.yaml';

/** jinjaEngine renders a Jinja template: `uri` names it, and `values.yaml` beside it holds the defaults. */
export const jinjaEngine = ({ workers, tenant, file }: JinjaEngineOptions): TemplatingEngine => ({
  defaults: (_ktea, _signal) => {
    const text = file(defaultsName);
    return Promise.resolve(text === undefined ? {} : valuesOfText(text, defaultsName));
  },
  template: async (ktea, values) => {
    const name = uriOf(ktea);
    const text = file(name);
    if (text === undefined) throw engineFailed(`the bundle has no asset "${name}"`);
    return manifestsOfText(await workers.jinja(text, values, { tenant }), name);
  },
});
