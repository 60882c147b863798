import { recordChange } from '@nm/adapters/db';
import { AgentHello } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { openCredential, sealCredential } from '../credential.js';
import { credentialInfo, rotationDue } from '../credential-info.js';
import type { ClusterDeps } from '../deps.js';
import { readAccess } from '../intake/read-access.js';

/** A stored credential with less life than this is replaced by the agent's own. Milliseconds. */
const shortLeftMs = 10 * 60_000;

/**
 * takeHello checks what an agent says as if a user had sent it, and keeps its token where there is none, or none that is any good. Otherwise what is
 * stored stays: replicas have tokens of their own, and a change would cut everybody's connections.
 * @throws Fault bad_request, kubeconfig_invalid, not_found
 */
export async function takeHello(deps: ClusterDeps, clusterId: string, payload: Buffer): Promise<AgentHello> {
  const hello = parseHello(payload);
  const { server, ca, tlsServerName, token } = hello;
  const access = readAccess({
    ...{ allowInsecureTls: false, server, token },
    ...(ca === undefined ? {} : { ca }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
  });
  const row = await deps.db.asSystem((tx) => tx.cluster.findUnique({ where: { id: clusterId } }));
  if (!row) throw new Fault('not_found');
  const isSamePlace =
    row.server === access.server &&
    row.caData === (access.ca ?? null) &&
    row.tlsServerName === (access.tlsServerName ?? null);
  const leftMs = row.credentialExpiresAt
    ? row.credentialExpiresAt.getTime() - deps.clock.nowMs()
    : Number.POSITIVE_INFINITY;
  const isGood = row.credential !== null && row.health !== 'unauthorized' && leftMs > shortLeftMs;
  if (isSamePlace && (isGood || (await isStored(deps, row, token)))) return hello;
  const info = credentialInfo(access.credential);
  const credential = await sealCredential(deps.vault, row, access.credential);
  await deps.db.asSystem(async (tx) => {
    await tx.cluster.update({
      where: { id: clusterId },
      data: {
        ...{
          server: access.server,
          caData: access.ca ?? null,
          tlsServerName: access.tlsServerName ?? null,
          credential,
        },
        ...{ intake: access.intake, credentialInfo: info, rotateAt: rotationDue(info, deps.clock.nowMs()) },
        credentialExpiresAt: info.expiresAt ? new Date(info.expiresAt) : null,
        checkAt: deps.clock.now(),
      },
    });
    await recordChange(tx, { kind: 'cluster', id: clusterId, orgId: row.orgId });
  });
  return hello;
}

function parseHello(payload: Buffer): AgentHello {
  try {
    return AgentHello.parse(JSON.parse(payload.toString('utf8')));
  } catch (cause) {
    throw new Fault('bad_request', { internal: 'not a hello', cause });
  }
}

async function isStored(
  { vault }: ClusterDeps,
  row: { readonly id: string; readonly orgId: string; readonly credential: Uint8Array | null },
  token: string,
): Promise<boolean> {
  try {
    return (await openCredential(vault, row)).token === token;
  } catch (error) {
    if (hasCode(error, 'cluster_unreachable') || hasCode(error, 'seal_broken')) return false;
    throw error;
  }
}
