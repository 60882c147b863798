#!/usr/bin/env node
// A templating engine as an executable: `show values .`, `template <release> . -f <file>`, and as a container: `values`, `template -f <file>`.
import { existsSync, readFileSync } from 'node:fs';

const words = process.argv.slice(2);
if (words[0] === 'show' || words[0] === 'values') {
  console.log('flavour: vanilla # the best\ncount: 1');
} else {
  const release = words[1] === '-f' ? 'shop' : words[1];
  const values = JSON.parse(readFileSync(words[words.indexOf('-f') + 1], 'utf8'));
  if (values.broken) {
    console.error(values.broken);
    process.exit(3);
  }
  if (values.hang) setInterval(() => undefined, 1_000);
  else if (values.endless) setInterval(() => console.log('x'.repeat(64 * 1024)), 1);
  else if (values.hungry) {
    const all = [];
    setInterval(() => all.push(Buffer.alloc(8e6, 1)), 1);
  } else if (values.about) {
    // What a container sees of where it runs.
    const token = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token');
    const kamafile = existsSync('/kamafile/app') ? readFileSync('/kamafile/app', 'utf8') : '';
    const data = { uid: String(process.getuid()), token: String(token), kamafile, words: words.join(' ') };
    console.log(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'about' }, data }));
  } else if (values.garbage) console.log('a: [');
  else if (values.huge) console.log('x'.repeat(3 * 1024 * 1024));
  else {
    const map = (name, data) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `${release}-${name}` },
      data,
    });
    const { flavour, count, extra = 0 } = values;
    const maps = [map('menu', { flavour, count: String(count) })];
    for (let n = 1; n <= extra; n++) maps.push(map(`extra-${n}`, {}));
    console.log(maps.map((each) => `---\n${JSON.stringify(each)}`).join('\n---\n# nothing here\n'));
  }
}
