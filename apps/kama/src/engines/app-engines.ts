import { environment } from '@nm/adapters/config';
import {
  enginesByType,
  helmEngine,
  jinjaEngine,
  ProgramRunner,
  secretsEngine,
  type TemplateWorkers,
  type TemplatingEngine,
} from '@nm/adapters/templating';
import { type Bundle, virtualEngine } from '@nm/kama-sdk';
import type { InstallAccess } from '../installs/install-access.js';

/** Charts come out of bundles, so helm runs without a network, where the machine can do that. */
const charts = new ProgramRunner({ path: environment()['PATH'] ?? '', offline: true });

/**
 * appEngines are the templating engines that an app may name by `type`: those that its own files make (Jinja templates, Helm charts, code of its models), and
 * those that are reached for its install.
 */
export const appEngines = (bundle: Bundle, install: InstallAccess, workers: TemplateWorkers): TemplatingEngine =>
  enginesByType({
    ...install.engines,
    jinja: jinjaEngine({ workers, tenant: install.id, file: (name) => bundle.asset(name, undefined) }),
    helm: helmEngine({
      runner: charts,
      release: install.namespace,
      namespace: install.namespace,
      chart: (uri) => {
        const files = bundle.assetsBelow(uri.replace(/\/+$/, ''));
        return files.size === 0 ? undefined : { files };
      },
    }),
    vals2sec: secretsEngine,
    virtual: virtualEngine(bundle, install.namespace),
  });

const usualMs = 10_000;
/** A pod has to start, for each time that the templates are rendered. */
const containerMs = 90_000;

/** engineTimeMs is what a request may take in all, given the engines of its app. */
export const engineTimeMs = (bundle: Bundle): number =>
  bundle.query('KteaSpec').some(({ config: { type } }) => type === 'container' || type === 'image')
    ? containerMs
    : usualMs;
