import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const node = join(resolve(import.meta.dirname, '../..'), 'node_modules/node/bin/node');

/** Names that the compose override and the build argument use; nothing of these can be pulled. */
export const debianImages = {
  node: 'nmachine-test/node-npm:24',
  postgres: 'nmachine-test/postgres:debian',
  redis: 'nmachine-test/redis:debian',
} as const;

interface Recipe {
  readonly image: string;
  /** Programs of this machine, with the shared libraries that they name. Path in the image → path here, when they differ. */
  readonly programs: readonly (string | readonly [string, string])[];
  /** Files and folders copied as they are; those that are not here are left out. */
  readonly data: readonly (string | readonly [string, string])[];
  readonly links?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Folders of the image's user. */
  readonly owned?: readonly string[];
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
}

/** Of the accounts in the images; Debian's redis and PostgreSQL images use the same. */
const serviceUid = 999;
const shellTools = [
  'sh',
  'env',
  'cat',
  'chmod',
  'cp',
  'find',
  'id',
  'ln',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sed',
  'true',
  'uname',
];
const tools = shellTools.map((tool) => `/usr/bin/${tool}`);
/** The C library's other parts. Loaded by name at run time, or by npm packages' native parts, so that `ldd` does not see them. */
const libcParts = [
  'libanl.so.1',
  'libnss_dns.so.2',
  'libnss_files.so.2',
  'libresolv.so.2',
  'librt.so.1',
  'libutil.so.1',
];
const libc = libcParts.map((file) => `/lib/${libraryFolder()}/${file}`);

function libraryFolder(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

/**
 * importDebianImages makes, from what Debian has installed here, images that stand in for the three that a registry would give:
 * Node with npm, PostgreSQL and Redis. It copies programs and their libraries: seconds, and no network. Root only (owners of files).
 */
export async function importDebianImages(socket: string): Promise<void> {
  const recipes = [await nodeRecipe(), await postgresRecipe(), redisRecipe()];
  await Promise.all(recipes.map((recipe) => importImage(socket, recipe)));
}

async function importImage(socket: string, recipe: Recipe): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-image-'));
  try {
    const rootfs = join(folder, 'rootfs');
    await layOut(rootfs, recipe);
    const archive = join(folder, 'image.tar');
    await run('tar', ['-C', rootfs, '--numeric-owner', '-cf', archive, '.']);
    const changes = recipe.changes.flatMap((change) => ['--change', change]);
    await run('docker', ['-H', `unix://${socket}`, 'import', ...changes, archive, recipe.image]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function layOut(rootfs: string, recipe: Recipe): Promise<void> {
  for (const folder of ['bin', 'lib', 'lib64', 'sbin']) {
    await mkdir(join(rootfs, 'usr', folder), { recursive: true });
    await symlink(`usr/${folder}`, join(rootfs, folder));
  }
  await mkdir(join(rootfs, 'tmp'), { recursive: true });
  await chmod(join(rootfs, 'tmp'), 0o1777);
  const programs = [...recipe.programs, ...tools].map(pair);
  const libraries = await librariesOf([...programs.map(([, here]) => here), ...libc]);
  for (const [there, here] of [...programs, ...libraries.map(pair), ...libc.map(pair), ...recipe.data.map(pair)])
    if (existsSync(here)) await put(await realpath(here), join(rootfs, there));
  for (const [path, target] of Object.entries(recipe.links ?? {})) await link(target, join(rootfs, path));
  const accounts = {
    '/etc/passwd': `root:x:0:0:root:/root:/bin/sh\nservice:x:${serviceUid}:${serviceUid}::/tmp:/bin/sh\n`,
    '/etc/group': `root:x:0:\nservice:x:${serviceUid}:\n`,
    '/etc/nsswitch.conf': 'hosts: files dns\n',
  };
  for (const [path, text] of Object.entries({ ...accounts, ...recipe.files })) {
    await mkdir(dirname(join(rootfs, path)), { recursive: true });
    await writeFile(join(rootfs, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  for (const path of recipe.owned ?? []) {
    await mkdir(join(rootfs, path), { recursive: true });
    await chown(join(rootfs, path), serviceUid, serviceUid);
  }
}

const pair = (entry: string | readonly [string, string]): readonly [string, string] =>
  typeof entry === 'string' ? [entry, entry] : entry;

async function put(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, dereference: true });
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}

/** librariesOf asks the loader, which also follows what libraries need. Paths as the loader will look for them. */
async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const { stdout } = await run('ldd', [...programs]);
  return [...new Set([...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path as string))];
}

async function nodeRecipe(): Promise<Recipe> {
  const { stdout } = await run('sh', ['-c', 'command -v npm']);
  const npm = dirname(dirname(await realpath(stdout.trim())));
  const { stdout: registry } = await run('npm', ['config', 'get', 'registry']);
  return {
    image: debianImages.node,
    programs: [['/usr/local/bin/node', node]],
    data: ['/etc/ssl/certs/ca-certificates.crt', ['/usr/local/lib/node_modules/npm', npm]],
    links: { '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js' },
    files: {
      '/usr/local/etc/npmrc': `registry=${registry.trim()}\ncafile=/etc/ssl/certs/ca-certificates.crt\nupdate-notifier=false\n`,
    },
    changes: ['ENV PATH=/usr/local/bin:/usr/bin:/bin', 'CMD ["node"]'],
  };
}

/** Does of the official image's entry point what the compose file needs: first start, password, database, and no root. */
const postgresEntrypoint = `#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  initdb -D "$PGDATA" -U postgres --pwfile=/tmp/password -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 --no-sync
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  [ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql "$@"
`;

async function postgresRecipe(): Promise<Recipe> {
  const [version] = (await readdir('/usr/lib/postgresql')).sort((a, b) => Number(b) - Number(a));
  if (!version) throw new Error('there is no PostgreSQL in /usr/lib/postgresql: install postgresql');
  const home = `/usr/lib/postgresql/${version}`;
  const modules = ['plpgsql.so', 'dict_snowball.so', 'libpqwalreceiver.so'].map((file) => `${home}/lib/${file}`);
  const conversions = (await readdir(`${home}/lib`)).filter((file) => /_and_|utf8/.test(file));
  return {
    image: debianImages.postgres,
    programs: [...['initdb', 'postgres', 'pg_isready', 'psql'].map((program) => `${home}/bin/${program}`), ...modules],
    data: [
      `/usr/share/postgresql/${version}`,
      '/usr/share/zoneinfo',
      '/usr/lib/locale/C.utf8',
      ...conversions.map((file) => `${home}/lib/${file}`),
    ],
    files: { '/usr/local/bin/entrypoint': postgresEntrypoint },
    owned: [`/var/lib/postgresql`, '/var/run/postgresql'],
    changes: [
      `ENV PATH=${home}/bin:/usr/local/bin:/usr/bin:/bin`,
      `ENV PGDATA=/var/lib/postgresql/${version}/data`,
      `USER ${serviceUid}:${serviceUid}`,
      'VOLUME /var/lib/postgresql',
      'ENTRYPOINT ["/usr/local/bin/entrypoint"]',
    ],
  };
}

/** Like the official image, not in protected mode: who may connect is the network's matter. */
const redisEntrypoint = `#!/bin/sh
exec "$@" --protected-mode no
`;

const redisRecipe = (): Recipe => ({
  image: debianImages.redis,
  programs: ['/usr/bin/redis-server', '/usr/bin/redis-cli'],
  data: [],
  files: { '/usr/local/bin/entrypoint': redisEntrypoint },
  owned: ['/data'],
  changes: [
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    `USER ${serviceUid}:${serviceUid}`,
    'WORKDIR /data',
    'ENTRYPOINT ["/usr/local/bin/entrypoint"]',
    'CMD ["redis-server"]',
  ],
});
