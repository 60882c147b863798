import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomKeyBytes } from '@nm/kernel/ids';

/** keptSecret reads a secret of this `$NM_HOME`, or makes it on the first start (mode 0600). */
export async function keptSecret(
  home: string,
  name: string,
  lengthBytes: number,
  encoding: 'base64' | 'hex',
): Promise<string> {
  const file = join(home, name);
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept) return kept.trim();
  const made = randomKeyBytes(lengthBytes).toString(encoding);
  await writeFile(file, `${made}\n`, { mode: 0o600 });
  return made;
}
