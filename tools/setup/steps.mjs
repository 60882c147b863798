// What must have happened before anything of the project can run: packages, generated client, build. Plain JavaScript on
// Node ≥ 20.19 without packages, because a fresh clone has nothing else. Each step is skipped when its inputs have not changed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join, relative, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const home = process.env.NM_HOME ? resolvePath(process.env.NM_HOME) : join(root, '.nmachine');
const binFolder = join(root, 'node_modules', '.bin');
const diskBytesMin = 700 * 1024 * 1024;

/** One clear sentence for the person at the terminal; no stack. */
export class Stop extends Error {}

/** Environment in which `node` is the Node 24 that comes as an npm package. */
export const projectEnv = () => ({ ...process.env, PATH: `${binFolder}${delimiter}${process.env.PATH}` });

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Stop(
    `NMachine needs Node 20.19 or newer, and this is ${process.versions.node}. Install a newer Node and start again.`,
  );
}

export function checkDisk() {
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize >= diskBytesMin) return;
  throw new Stop(
    `The disk that holds ${root} is nearly full (${Math.round((bavail * bsize) / 2 ** 20)} MiB free, 700 needed). Free some space and start again; nothing is lost.`,
  );
}

const sha = (text) => createHash('sha256').update(text).digest('hex');

function* filesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'generated' && entry.name !== 'node_modules') yield* filesUnder(path);
    } else yield path;
  }
}

/** Digest of names, sizes and times: cheap enough for every start, and a rebuild too many does no harm. */
function digestOf(...paths) {
  const lines = [];
  for (const path of paths.map((path) => join(root, path))) {
    for (const file of existsSync(path) && statSync(path).isDirectory() ? filesUnder(path) : [path]) {
      if (!existsSync(file)) continue;
      const { size, mtimeMs } = statSync(file);
      lines.push(`${file} ${size} ${mtimeMs}`);
    }
  }
  return sha(lines.sort().join('\n'));
}

const steps = [
  {
    title: 'install packages',
    stamp: 'node_modules/.nmachine-stamp',
    digest: () => sha(readFileSync(join(root, 'package-lock.json'))),
    // Not `npm ci`: it refuses a lockfile without the optional packages of other platforms, which not every registry mirror has.
    // `install --no-save` takes the very versions of the lockfile and leaves it as it is.
    command: ['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'],
    remedy: 'Check the connection to your npm registry and start again.',
  },
  {
    title: 'generate the database client',
    stamp: 'libs/adapters/db/generated/.nmachine-stamp',
    digest: () => digestOf('prisma/schema.prisma', 'node_modules/prisma/package.json'),
    command: ['prisma', 'generate'],
    // The binary engine is never used (migrations run on WebAssembly), but `generate` would try to download it.
    env: { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' },
    remedy: 'Run `npm run generate` to see more.',
  },
  {
    title: 'build',
    stamp: 'dist/.nmachine-stamp',
    digest: () =>
      digestOf(
        'apps',
        'libs',
        'examples',
        'tools/build',
        'tsconfig.json',
        'tsconfig.build.json',
        'nest-cli.json',
        'prisma/schema.prisma',
      ),
    clean: ['dist', 'tsconfig.build.tsbuildinfo'],
    command: ['npm', 'run', '--silent', 'build'],
    remedy: 'Run `npm run build` to see more.',
  },
];

/** Runs what is not up to date, a line a step; the output of each goes to `$NM_HOME/logs/setup.log`. */
export async function prepare() {
  checkNode();
  checkDisk();
  for (const step of steps) {
    const stamp = join(root, step.stamp);
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === step.digest()) continue;
    for (const path of step.clean ?? []) rmSync(join(root, path), { recursive: true, force: true });
    await withProgress(step.title, () => run(step));
    writeFileSync(stamp, step.digest());
  }
}

async function withProgress(title, work) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const draw = process.stdout.isTTY
    ? setInterval(() => process.stdout.write(`\r  … ${title}  ${seconds()}\x1b[K`), 200)
    : undefined;
  if (!draw) console.log(`  … ${title}`);
  try {
    await work();
    clearInterval(draw);
    console.log(`${draw ? '\r' : ''}  ✓ ${title}  ${seconds()}${draw ? '\x1b[K' : ''}`);
  } catch (error) {
    clearInterval(draw);
    console.log(`${draw ? '\r' : ''}  ✗ ${title}  ${seconds()}${draw ? '\x1b[K' : ''}`);
    throw error;
  }
}

function run({ title, command: [program, ...args], env, remedy }) {
  const logs = join(home, 'logs');
  mkdirSync(logs, { recursive: true });
  const logFile = join(logs, 'setup.log');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...projectEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', (error) =>
      reject(
        new Stop(
          error.code === 'ENOENT'
            ? `"${program}" is not on the PATH, and "${title}" needs it. Install Node.js with npm and start again.`
            : error.message,
        ),
      ),
    );
    child.once('close', (code) => {
      createWriteStream(logFile, { flags: 'a' }).end(`\n# ${title}\n${output}`);
      if (code === 0) return resolve();
      if (/ENOSPC|no space left/i.test(output))
        return reject(
          new Stop(`The disk is full ("${title}" stopped). Free some space and start again; nothing is lost.`),
        );
      const tail = output.trim().split('\n').slice(-15).join('\n');
      reject(
        new Stop(
          `"${title}" failed (exit code ${code}). ${remedy} All output: ${relative(process.cwd(), logFile)}\n\n${tail}`,
        ),
      );
    });
  });
}

/** Runs a program of the project on Node 24 with this terminal, and gives its exit code. Ctrl-C is the child's to handle. */
export function handOver(program, args, env = {}) {
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...projectEnv(), NM_HOME: home, ...env },
      stdio: 'inherit',
    });
    const forward = (signal) => child.kill(signal);
    process.on('SIGTERM', forward);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
      resolve(code ?? (signal ? 1 : 0));
    });
  });
}

/** Ends a script: a Stop prints its sentence, anything else its stack. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
