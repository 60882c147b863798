import { TemplateWorkers } from '@nm/adapters/templating';
import { formatFinding, lintBundle, loadBundle, readBundleFolder } from '@nm/kama-sdk';
import { Fault, toFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { OwnChoice } from '../own/choose-own.js';
import { openOwn } from '../own/open-own.js';
import { rehearse, type Told } from '../simulate/rehearse.js';
import { scriptOf } from '../simulate/script.js';
import { modelsLoader } from './load-models.js';

export interface SimulateOptions extends OwnChoice {
  readonly folder: string;
  readonly id: string;
  /** The module of the app's own kinds. */
  readonly models?: string | undefined;
}

/** simulate walks through an operation as its simulator says, and prints what happens; gives the exit code. @throws Fault not_found, bundle_invalid */
export async function simulate(
  { folder, id, models, ...choice }: SimulateOptions,
  tell: Told = console.log,
): Promise<number> {
  const templates = new TemplateWorkers();
  const own = await openOwn(folder, choice, { clock: systemClock, templates }, modelsLoader(models));
  try {
    const descriptor = own.bundle.find(id, 'OperationRunSimulator');
    if (!descriptor) throw new Fault('not_found', { public: `This app has no OperationRunSimulator "${id}".` });
    await rehearse({ own, templates, clock: systemClock }, scriptOf(descriptor.config, id), tell);
    return 0;
  } catch (error) {
    tell(`  failed: ${toFault(error).publicMessage}`);
    return 1;
  } finally {
    await own.close();
    await templates.close();
  }
}

/** test rehearses every operation that a folder has a simulator for, each on an install of its own; gives the exit code. @throws Fault bundle_invalid */
export async function test({ folder, models, ...choice }: Omit<SimulateOptions, 'id'>): Promise<number> {
  const options = { models: await modelsLoader(models)() };
  const files = await readBundleFolder(folder);
  const findings = lintBundle(files, options).filter(({ severity }) => severity === 'error');
  for (const finding of findings) console.error(formatFinding(finding));
  if (findings.length > 0) return 1;
  const ids = loadBundle(files, options)
    .query('OperationRunSimulator')
    .map(({ id }) => id);
  let failed = 0;
  for (const id of ids) {
    const lines: string[] = [];
    const code = await simulate({ folder, id, models, ...choice }, (line) => lines.push(line));
    console.log(`${code === 0 ? 'ok' : 'FAILED'}  ${id}`);
    if (code !== 0) for (const line of lines) console.log(`    ${line}`);
    failed += code;
  }
  console.log(
    ids.length === 0 ? 'No OperationRunSimulator to run.' : `${ids.length - failed} passed, ${failed} failed.`,
  );
  return failed === 0 ? 0 : 1;
}
