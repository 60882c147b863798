// The rules of CONTRIBUTING.md that no linter knows: doors to time, randomness and the environment, file names, documented error codes.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/steps.mjs';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file && existsSync(join(root, file)));
const faults = [];

const product = files.filter(
  (file) => /^(apps|libs)\/.*\.ts$/.test(file) && !/(\.spec\.ts$|\/test\/|^libs\/testing\/)/.test(file),
);
const doors = [
  {
    pattern: /\bDate\.now\(|new Date\(\)|performance\.now\(/,
    allowed: /^libs\/kernel\/time\//,
    door: 'libs/kernel/time',
  },
  {
    pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,
    allowed: /^libs\/kernel\/ids\//,
    door: 'libs/kernel/ids',
  },
  { pattern: /\bprocess\.env\b/, allowed: /^libs\/adapters\/config\//, door: 'libs/adapters/config' },
  {
    pattern: /\bforwardRef\b|\bexport \* from\b|Scope\.REQUEST/,
    allowed: /^$/,
    door: 'no forwardRef, no export *, no request scope',
  },
  {
    pattern: /\bimport\(\s*['"]@nm\//,
    allowed: /^$/,
    door: 'import() of a relative path: the build leaves aliases in it as they are',
  },
];
for (const file of product) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  lines.forEach((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
    for (const { pattern, allowed, door } of doors)
      if (pattern.test(line) && !allowed.test(file))
        faults.push(`${file}:${index + 1}: use the door (${door}): ${line.trim()}`);
  });
}

for (const file of files)
  if (/(^|\/)(utils?|helpers?|common|misc)(\/|\.[a-z]+$)/i.test(file)) faults.push(`${file}: a name that says nothing`);

const codes = ['codes', 'cluster-codes'].flatMap((name) =>
  [...readFileSync(join(root, `libs/kernel/fault/${name}.ts`), 'utf8').matchAll(/^ {2}([a-z_]+): entry\(/gm)].map(
    (match) => match[1],
  ),
);
const errorsPage = readFileSync(join(root, 'docs/errors.md'), 'utf8');
for (const code of codes)
  if (!errorsPage.includes(`\n## ${code}\n`)) faults.push(`docs/errors.md: no paragraph for ${code}`);
for (const [, heading] of errorsPage.matchAll(/^## ([a-z_]+)$/gm))
  if (!codes.includes(heading)) faults.push(`docs/errors.md: ${heading} is no code`);

const configPage = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
for (const file of product)
  for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(/^ +(NM_[A-Z_]+): (?:z\.|[A-Z])/gm))
    if (!configPage.includes(`\`${name}\``)) faults.push(`docs/configuration.md: ${name} of ${file} is missing`);

if (/"resolved":/.test(readFileSync(join(root, 'package-lock.json'), 'utf8')))
  faults.push('package-lock.json: holds download addresses');

if (faults.length) {
  console.error(faults.join('\n'));
  process.exitCode = 1;
}
