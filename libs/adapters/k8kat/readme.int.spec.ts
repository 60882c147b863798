import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const libs = join(import.meta.dirname, '../..');
const read = (name: string) => readFile(join(import.meta.dirname, name), 'utf8');
const withoutIndent = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');

it('has the snippets that the specs run, and no others: line by line', async () => {
  const blocksIn = (text: string, block: RegExp) =>
    [...text.matchAll(block)].map(([, snippet = '']) => withoutIndent(snippet));
  const shownHere = blocksIn(await read('README.md'), /^```ts\n(.*?)^```/gms);
  const run = blocksIn(await read('readme-node.cluster.spec.ts'), /^ *\/\/ README: [^\n]*\n(.*?)^ *\/\/ README end/gms);
  expect(shownHere.length).toBeGreaterThanOrEqual(3);
  expect(shownHere).toEqual(run);
});

/** What a file loads at run time: paths below `libs`, and packages. */
async function loadedBy(path: string): Promise<{ files: string[]; packages: string[] }> {
  const found = { files: [] as string[], packages: [] as string[] };
  const text = await readFile(join(libs, path), 'utf8');
  for (const [, name = ''] of text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;']*?\sfrom\s+)?'([^']+)'/gm)) {
    if (name.startsWith('.')) found.files.push(join(path, '..', name.replace(/\.js$/, '.ts')));
    else if (name.startsWith('@nm/')) found.files.push(`${name.slice('@nm/'.length)}/index.ts`);
    else if (!name.startsWith('node:')) found.packages.push(name);
  }
  return found;
}

it('says all that it brings along', async () => {
  const [, section = ''] = /^## What it brings along\n(.*?)^## /ms.exec(await read('README.md')) ?? [];
  const files = new Set(['adapters/k8kat/index.ts']);
  const packages = new Set<string>();
  for (const file of files) {
    const loaded = await loadedBy(file);
    for (const each of loaded.files) files.add(each);
    for (const each of loaded.packages) packages.add(each);
  }
  const parts = new Set([...files].map((file) => file.split('/').slice(0, 2).join('/')));
  parts.delete('adapters/k8kat');
  const named = [...section.matchAll(/`((?:adapters|kernel)\/\w+)`/g)].map(([, part]) => part);
  expect(named.sort()).toEqual([...parts].sort());
  const [, fromNpm = ''] = /^From npm: (.*?);[^;]*@kubernetes\/client-node`\.$/ms.exec(section) ?? [];
  expect([...fromNpm.matchAll(/`([\w.-]+)`/g)].map(([, name]) => name).sort()).toEqual([...packages].sort());
});

it('lists every code that an explanation may have, and counts them', async () => {
  const files = (await readdir(join(import.meta.dirname, 'explain'))).filter((name) => !name.endsWith('.spec.ts'));
  const lines = (await Promise.all(files.map((name) => read(join('explain', name))))).join('\n').split('\n');
  const codes = new Set(
    lines
      .filter((line) => line.includes('code: '))
      .flatMap((line) => [...line.matchAll(/'([A-Z]\w+)'/g)].map(([, code]) => code)),
  );
  const page = await read('README.md');
  const [, table = ''] = /^## What it explains\n(.*?)^## /ms.exec(page) ?? [];
  expect(new Set([...table.matchAll(/`([A-Z]\w+)`/g)].map(([, code]) => code))).toEqual(codes);
  expect(page).toContain(`\`explainError\`: ${codes.size} codes`);
});

/** What our column of the comparison rests on: of each feature the specs that its row names, and of each spec the tests. */
const shown: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'Fluent query builder': {
    'query/plan.spec.ts': ['leaves a query as it was when another is made from it'],
    'query/typing.spec.ts': ['keep the kind through every step'],
  },
  'Label ops': {
    'query/oracle.int.spec.ts': ['gives the same set as filtering everything by hand, in every way of asking'],
  },
  'Many namespaces / exclude': {
    'query/plan.spec.ts': ['reads up to eight namespaces side by side', 'notNs(a,b)'],
    'query/streaming.int.spec.ts': ['asks a namespace at a time when it may not list the whole cluster'],
  },
  'Auto push-down + local residue': {
    'query/plan.spec.ts': ['incAny of two keys and incEach'],
    'query/oracle.int.spec.ts': ['gives the same set as filtering everything by hand, in every way of asking'],
  },
  'Derived-status filters': {
    'query/state-filters.int.spec.ts': ['of pods: %s', 'of %s: working, broken, pending, settled'],
  },
  'Early stop (limit=1)': {
    'query/streaming.int.spec.ts': [
      'reads one object for the first one, when the server decides',
      'reads one page for the first one, when a function decides',
    ],
  },
  Pagination: {
    'query/streaming.int.spec.ts': ['reads everything once, in pages', 'goes on from %s when its snapshot expires'],
  },
  'Async iteration': { 'query/streaming.int.spec.ts': ['stops reading when the loop stops'] },
  Watch: {
    'watch/live.int.spec.ts': [
      'goes on where it was when streams break in the middle of a line',
      'lists again through a storm of 410, 429 and 500, and misses nothing',
      'opens a silent stream anew, from the last bookmark',
    ],
  },
  'Watch cache / informer reads': { 'watch/live.int.spec.ts': ['answers from memory, by every index'] },
  'wait for condition': {
    'watch/live.int.spec.ts': ['waits for %s, without asking again and again'],
    'kinds/dynamic-kind.cluster.spec.ts': [
      'waits for an object that it may get and neither list nor watch, by asking again',
    ],
  },
  'Server-side apply': {
    'kat.cluster.spec.ts': ['reports who owns a field, and takes it over only by force'],
    'session/kube-session.cluster.spec.ts': ['applies the same manifest twice with one effect'],
  },
  'Patch types': {
    'kat.cluster.spec.ts': [
      'patches by merge, strategic merge, JSON and apply, and checks by a dry run without a change',
    ],
    'write/write.int.spec.ts': [
      'makes the change again on the newer version after each conflict, and loses no other’s write',
    ],
  },
  Exec: {
    'streams/streams-node.cluster.spec.ts': [
      'runs a command and gives its exit code, stdout and stderr apart',
      'feeds stdin and tells the command where it ends',
      'gives a command a terminal, of the wanted size, where it is asked for one',
    ],
  },
  Logs: {
    'streams/streams-node.cluster.spec.ts': [
      'reads logs: whole, the tail, and those of the run before',
      'follows the logs of many pods in one, across restarts and new pods, each line once',
    ],
  },
  'Port-forward': {
    'streams/port-forward-node.cluster.spec.ts': [
      'finds a service’s port by number, by name, or takes the first, and the pods’ own port for it',
      'stays with one pod of a %s while it is ready, and goes on with another',
    ],
  },
  'Service proxy': {
    'readme-node.cluster.spec.ts': ['asks a service from inside and through the API server, with every verb'],
  },
  'Copy files': {
    'streams/streams-node.cluster.spec.ts': [
      'copies a tree into a pod and out again, and never writes outside of the folder',
    ],
    'streams/copy-tree.int.spec.ts': ['does not write through links that are there already', 'stops at its limits'],
  },
  'Scale/restart/undo/drain': {
    'kinds/kinds.cluster.spec.ts': [
      'scales relatively without losing a step when many do it at once',
      'restarts, changes the image, and goes back to an earlier revision',
      'cordons and drains a node as budgets allow, and leaves daemon sets alone',
    ],
  },
  'Metrics (usage/limits)': {
    'write/write.int.spec.ts': ['adds up what is used, asked for and allowed, and never takes "not measured" for 0'],
    'state/state.spec.ts': ['reckons requests as the scheduler does'],
  },
  Diagnosis: {
    'explain/explain.spec.ts': ['explainPod', 'explainWorkload', 'explainService', 'explainClaim', 'explainFault'],
    'explain/explain-node.cluster.spec.ts': ['explainError, on pods that a real kubelet cannot run'],
  },
  'Relations (dep→rs→pods→events→node…)': {
    'kinds/kinds.cluster.spec.ts': ['loads relatives of many in one query each, however many there are'],
  },
  'CRDs / dynamic': {
    'kinds/dynamic-kind.cluster.spec.ts': [
      'is found as %s, and typed',
      'lets the server select by the fields that the definition declares, and judges the others here',
    ],
  },
  'Connection reuse': {
    'transport/kept-connections.int.spec.ts': [
      'reads an answer in any pieces and framings, over one connection until the server ends it',
    ],
    'transport/transport.int.spec.ts': ['makes one TLS handshake for 100 requests in a row, refused ones included'],
  },
  Retries: {
    'transport/transport.int.spec.ts': [
      'waits and asks again after %i with Retry-After',
      'gives up after two repetitions, and repeats no POST at all',
    ],
  },
  'Concurrency limits': {
    'transport/concurrency-limit.spec.ts': ['halves when told that it is too much, and grows back'],
  },
  Impersonation: {
    'kinds/kinds.cluster.spec.ts': [
      'is somebody else where it is asked to be, also where requests go past the ordinary way',
    ],
  },
  'Type safety': { 'query/typing.spec.ts': ['know what is plucked'] },
  'Table/pretty output': {
    'readme-node.cluster.spec.ts': ['bad pods: which, what they said, and why'],
    'kinds/dynamic-kind.cluster.spec.ts': [
      'prints what the server prints: its columns, all pages, and conditions of both kinds',
    ],
  },
  'Fake server for tests': { 'query/streaming.int.spec.ts': ['a query on ten thousand pods'] },
};

describe('the comparison', () => {
  const rows = async (): Promise<Record<string, string>> => {
    const [, table = ''] = (await read('README.md')).split('| Feature |');
    const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    return Object.fromEntries(cells.slice(2, -1).map((row) => [row[1] ?? '', row.at(-2) ?? '']));
  };

  it('has a row for every feature, and each names the specs that show it', async () => {
    const ours = await rows();
    expect(Object.keys(ours)).toEqual(Object.keys(shown));
    for (const [feature, cell] of Object.entries(ours)) {
      const specs = [...cell.matchAll(/`([\w./-]+\.spec\.ts)`/g)].map(([, spec]) => spec);
      expect(specs, feature).toEqual(Object.keys(shown[feature] ?? {}));
    }
  });

  it('rests on tests that are there, and are not skipped', async () => {
    for (const [feature, specs] of Object.entries(shown))
      for (const [spec, titles] of Object.entries(specs)) {
        const text = await read(spec);
        for (const title of titles) expect(text, `${feature}: ${spec}`).toContain(`'${title}'`);
        expect(text, spec).not.toMatch(/\b(it|describe)\.(skip|todo)\b/);
      }
  });
});
