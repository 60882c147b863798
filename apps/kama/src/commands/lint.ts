import { formatFinding, lintBundle, readBundleFolder } from '@nm/kama-sdk';
import { modelsLoader } from './load-models.js';

/** lint prints what is wrong with the app of a folder, like a compiler; gives the exit code. */
export async function lint(folder: string, modelsFile?: string): Promise<number> {
  const models = await modelsLoader(modelsFile)();
  const findings = lintBundle(await readBundleFolder(folder), { models });
  for (const finding of findings) console.log(formatFinding(finding));
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  console.log(findings.length === 0 ? 'No faults.' : `${errors} errors, ${findings.length - errors} warnings.`);
  return errors === 0 ? 0 : 1;
}
