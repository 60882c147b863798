import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findGo, requiredGo } from './find-go.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder with a `go` that says it has this version and notes how it was asked. */
function goOf(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubelab-go-'));
  folders.push(folder);
  writeFileSync(join(folder, 'go'), `#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] || exit 9\necho go${version}\n`);
  chmodSync(join(folder, 'go'), 0o755);
  return folder;
}

const search = (...path: string[]) => findGo({ PATH: path.join(':') }, '/nowhere');

it('finds the first Go that is new enough, asking it without letting it fetch another one', () => {
  const [old, good] = [goOf('1.19.8'), goOf('1.99.0')];
  expect(search(old, good)).toEqual({ go: { path: join(good, 'go'), version: '1.99.0' } });
});

it('accepts exactly the version of go.mod', () => {
  expect(search(goOf(requiredGo()))).toHaveProperty('go.version', requiredGo());
});

it('says in one sentence that Go is too old, and the remedy', () => {
  expect(search(goOf('1.19.8'))).toHaveProperty(
    'problem',
    expect.stringMatching(/^Go 1\.19\.8 is too old .*Install Go 1\.26\.0 or newer.*NM_TEST_KUBECONFIG/),
  );
});

it('says that Go is missing, and the remedy', () => {
  expect(search('/nowhere')).toHaveProperty(
    'problem',
    expect.stringMatching(/^Go was not found\. Install Go 1\.26\.0/),
  );
});
