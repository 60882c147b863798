import type { Explanation } from './explanation.js';

type ReadLog = (options: { container?: string; previous: boolean; tail: number }) => Promise<string[]>;

const linesMax = 100;
const shownMax = 8;

/** explainCrash adds the last words of a program that crashed: those of the run before, or of this one when it has not been started again. */
export async function explainCrash(found: Explanation, read: ReadLog): Promise<Explanation> {
  if (found.code !== 'AppCrash' && found.code !== 'LivenessKill') return found;
  const container = found.container === undefined ? {} : { container: found.container };
  const lines = await read({ ...container, previous: true, tail: linesMax })
    .catch(() => read({ ...container, previous: false, tail: linesMax }))
    .catch(() => []);
  const said = lines.filter((line) => line.trim() !== '').slice(-shownMax);
  if (said.length === 0) return found;
  return { ...found, evidence: [...found.evidence, ...said.map((text) => ({ from: 'log' as const, text }))] };
}
