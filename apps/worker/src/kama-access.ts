import type { Db } from '@nm/adapters/db';
import type { KamaDoor, RunOfKama } from '@nm/features/actions';
import type { ContextFacts, ContextKeys } from '@nm/features/context';
import { Entitlements, installAudience } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { Agent, type Dispatcher } from 'undici';

export interface KamaAccessOptions {
  readonly db: Db;
  readonly keys: Pick<ContextKeys, 'sign'>;
  /** Origin of the gateway, as this worker reaches it. */
  readonly gatewayUrl: string;
}

/** A KAMA may have to be started first; the gateway answers before that takes for ever. */
const answerMsMax = 60_000;
const bodyBytesMax = 1024 * 1024;

/**
 * KamaAccess lets runs ask the KAMA of their install. They go through the gateway with a token that is worth the install, as a hosted KAMA has one: the licence
 * is decided on with each request, and a KAMA that sleeps is woken.
 */
export class KamaAccess {
  readonly #options: KamaAccessOptions;
  readonly #agent = new Agent({ connections: 32, headersTimeout: answerMsMax, bodyTimeout: answerMsMax });

  constructor(options: KamaAccessOptions) {
    this.#options = options;
  }

  /** of gives the way to the KAMA of a run's install. */
  of({ installId }: RunOfKama): KamaDoor {
    return {
      ask: async (method, path, { body, signal }) => {
        const { facts, slug } = await this.#factsOf(installId);
        const token = await this.#options.keys.sign(facts);
        const url = new URL(`/kama/${slug}${path}`, this.#options.gatewayUrl);
        try {
          const answer = await this.#agent.request({
            origin: url.origin,
            path: url.pathname,
            method,
            headers: {
              authorization: `Bearer ${token}`,
              accept: 'application/json',
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
          return { status: answer.statusCode, body: await jsonOf(answer.body) };
        } catch (cause) {
          signal.throwIfAborted();
          throw isFault(cause) ? cause : new Fault('kama_unreachable', { cause });
        }
      },
    };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #factsOf(installId: string): Promise<{ facts: ContextFacts; slug: string }> {
    const { install, version, org } = await this.#options.db.asSystem(async (tx) => {
      const found = await tx.install.findUniqueOrThrow({
        where: { id: installId },
        include: { licence: { include: { plan: true, app: true } } },
      });
      const name = { select: { id: true, name: true } };
      return {
        install: found,
        version: await tx.appVersion.findUniqueOrThrow({ where: { id: found.versionId }, ...name }),
        org: await tx.org.findUniqueOrThrow({ where: { id: found.orgId }, select: { slug: true } }),
      };
    });
    const { licence, clusterId, namespace } = install;
    const { app } = licence;
    return {
      slug: `${org.slug}/${app.slug}`,
      facts: {
        aud: [app.id, installAudience],
        sub: licence.id,
        ...{ org: org.slug, orgId: app.orgId, app: app.slug, appId: app.id },
        ...{ version: version.name, versionId: version.id, mode: 'full' },
        entitlements: Entitlements.parse(licence.plan.entitlements),
        install: { id: installId, cluster: clusterId, namespace },
      },
    };
  }
}

/** What is no JSON, or more than anybody needs, counts as nothing. */
async function jsonOf(body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
