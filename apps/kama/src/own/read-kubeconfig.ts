import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { KubeTarget } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { parse } from 'yaml';
import { z } from 'zod';

const Named = <T extends z.ZodType>(member: string, shape: T) => z.looseObject({ name: z.string(), [member]: shape });
const text = z.string().optional();
const Kubeconfig = z.looseObject({
  'current-context': text,
  contexts: z.array(
    z.looseObject({
      name: z.string(),
      context: z.looseObject({ cluster: z.string(), user: z.string(), namespace: text }),
    }),
  ),
  clusters: z.array(Named('cluster', z.record(z.string(), z.unknown()))),
  users: z.array(Named('user', z.record(z.string(), z.unknown()))),
});

/** OwnTarget is where a developer's kubeconfig leads. */
export interface OwnTarget {
  readonly target: KubeTarget;
  readonly namespace: string;
  readonly context: string;
}

/**
 * readKubeconfig reads a kubeconfig of the person who starts the process, so its files are read, as kubectl reads them; commands (`exec`) are not run.
 * @throws Fault kubeconfig_invalid
 */
export async function readKubeconfig(file: string, wanted?: string): Promise<OwnTarget> {
  const parsed = Kubeconfig.safeParse(
    parse(
      await readFile(file, 'utf8').catch((cause: unknown) => {
        throw invalid(`"${file}" cannot be read`, cause);
      }),
    ),
  );
  if (!parsed.success) throw invalid(`"${file}" is no kubeconfig: ${z.prettifyError(parsed.error)}`);
  const { contexts, clusters, users } = parsed.data;
  const name = wanted ?? parsed.data['current-context'] ?? contexts[0]?.name;
  const context = contexts.find((each) => each.name === name)?.context;
  if (!context)
    throw invalid(
      `there is no context "${name ?? ''}"; it has ${contexts.map((each) => each.name).join(', ') || 'none'}`,
    );
  const cluster = clusters.find((each) => each.name === context.cluster)?.['cluster'] as Fields | undefined;
  const user = users.find((each) => each.name === context.user)?.['user'] as Fields | undefined;
  if (typeof cluster?.['server'] !== 'string')
    throw invalid(`the context "${name ?? ''}" names a cluster without a server`);
  if (user?.['exec'] ?? user?.['auth-provider'])
    throw invalid(
      `the user "${context.user}" gets its credential by a command, which is not run here. Make a token: kubectl create token …`,
    );
  const from = dirname(resolve(file));
  const read = (fields: Fields | undefined, member: string) => contentOf(fields, member, from);
  const token =
    user?.['token'] ?? (typeof user?.['tokenFile'] === 'string' ? await fileOf(user['tokenFile'], from) : undefined);
  return {
    context: name ?? '',
    namespace: context.namespace ?? 'default',
    target: {
      server: cluster['server'],
      ca: await read(cluster, 'certificate-authority'),
      insecure: cluster['insecure-skip-tls-verify'] === true,
      clientCertificate: await read(user, 'client-certificate'),
      clientKey: await read(user, 'client-key'),
      ...(typeof token === 'string' ? { token: token.trim() } : {}),
      ...(typeof cluster['tls-server-name'] === 'string' ? { tlsServerName: cluster['tls-server-name'] } : {}),
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function contentOf(fields: Fields | undefined, member: string, from: string): Promise<string | undefined> {
  const inline = fields?.[`${member}-data`];
  if (typeof inline === 'string') return Buffer.from(inline, 'base64').toString('utf8');
  const file = fields?.[member];
  return typeof file === 'string' ? fileOf(file, from) : undefined;
}

const fileOf = (file: string, from: string): Promise<string> =>
  readFile(resolve(from, file), 'utf8').catch((cause: unknown) => {
    throw invalid(`"${file}" cannot be read`, cause);
  });

const invalid = (what: string, cause?: unknown): Fault =>
  new Fault('kubeconfig_invalid', {
    public: `The kubeconfig cannot be used: ${what}.`,
    ...(cause === undefined ? {} : { cause }),
  });
