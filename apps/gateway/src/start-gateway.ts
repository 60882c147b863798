import type { Change, Db } from '@nm/adapters/db';
import { type Engine, openEngine } from '@nm/adapters/proxy';
import { type Logger, type OpsServer, openTraceExport, startOpsServer, type TraceExport } from '@nm/adapters/telemetry';
import type { Vault } from '@nm/adapters/vault';
import { cookieFormOf, type IssuerKeys, openIssuerKeys } from '@nm/features/access';
import { CallRecorder } from '@nm/features/cluster-access';
import { tendSigningKeys } from '@nm/features/context';
import { DecisionRecorder, FirstUses } from '@nm/features/decisions';
import { LimitBook, RedisShares } from '@nm/features/limits';
import { Activator, ContextTokens, Credentials } from '@nm/features/routing';
import { requestWake, touchInstances } from '@nm/features/runtime';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { AccessLog } from './access-log.js';
import { openAgentDoor } from './agent-door.js';
import { type ClusterDoor, type ClusterDoorOptions, openClusterDoor } from './cluster-door.js';
import type { GatewayConfig } from './config.js';
import { DecisionNotes } from './decision-notes.js';
import { drain } from './drain.js';
import type { ExchangeTag } from './exchange-tag.js';
import { gatewayMetrics } from './gateway-metrics.js';
import { GatewayPolicy } from './gateway-policy.js';
import { InstallTokens } from './install-tokens.js';
import { InstanceTouches } from './instance-touches.js';
import { JobBook } from './job-book.js';
import { type Memory, openMemory } from './memory.js';
import { openOwnApp } from './own-app.js';
import { reloadLog } from './own-certificate.js';
import { RequestSpans } from './request-spans.js';
import { StreamGuard } from './stream-guard.js';
import { UsageGate } from './usage-limits.js';

export interface Gateway {
  readonly port: number;
  /** Where TLS is spoken, when there is a certificate. */
  readonly tlsPort: number | undefined;
  readonly opsPort: number;
  /** Finishes what is under way, cuts what does not end within NM_DRAIN_MS, closes everything. */
  drain(): Promise<void>;
}

export interface GatewayDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** How clusters are dialled; tests with an API server of their own replace it. */
  readonly openClusters?: (options: ClusterDoorOptions) => ClusterDoor;
  /** Where the directory's entries are read; a bench that needs more of them than it can write has its own. */
  readonly entries?: Pick<Db, 'asSystem'>;
}

const tickMs = 1_000;
const keysTickMs = 3_600_000;
const tracesDelayMs = 2_000;

/** startGateway joins the parts and listens once the store has answered. @throws Fault store_unavailable, config_invalid */
export async function startGateway(config: GatewayConfig, deps: GatewayDeps): Promise<Gateway> {
  const { clock, log } = deps;
  const onError = (error: unknown): void => log.warn({ err: error }, 'a background task failed and will be repeated');
  const memory = await openMemory(config, clock, onError, deps.entries);
  const { db, vault, keys, feed } = memory;
  const ops = await startOpsServer({
    app: 'gateway',
    host: config.opsHost,
    port: config.opsPort === 0 ? 0 : config.opsPort + (config.process ?? 0),
    check: async () => (feed.stale ? 'the store has not answered for a minute' : undefined),
  });
  const engine = openEngine<ExchangeTag | undefined>(config.engine, {
    headersMs: config.headersTimeoutMs,
    idleMs: config.idleTimeoutMs,
    trustedPeers: config.trustedPeers,
    proxyProtocol: config.proxyProtocol,
    pseudonym: pseudonymOf(vault),
  });
  const clusters = (deps.openClusters ?? openClusterDoor)({ db, vault, clock, policy: config.egress });
  const { registry } = ops;
  const agents = await openAgentDoor(config, { db, vault, clock, policy: config.egress, onError, log, registry });
  memory.directory.onChange(({ kind, id }) => {
    if (kind === 'cluster') agents?.recheck(id).catch(onError);
  });
  const ownApp = await openOwnApp(keys);
  const ownOrigin = ownApp.origin;
  const limits = await openLimits(config, clock, onError);
  const traces = config.tracesUrl === undefined ? undefined : await openTraces(config.tracesUrl);
  const spans = traces && new RequestSpans(traces, clock, config.tracesSample);
  const issuers = openIssuerKeys(config.egress, clock);
  const keepers = { limits: limits.book, issuerKeys: issuers.keys };
  const parts = { config, clock, log, memory, ops, engine, clusters, ownOrigin, spans, ...keepers, onError };
  const { policy, touches, recorder, calls, jobs } = joinPolicy(parts);
  const port = await engine.listen({
    hosts: config.hosts,
    port: config.port,
    sharePort: config.process !== undefined,
    policy,
  });
  const tlsPort = await listenTls(config, engine, log);
  const tendKeys = (): void => void tendSigningKeys({ db, vault, clock }).catch(onError);
  tendKeys();
  const keysTimer = setInterval(tendKeys, keysTickMs).unref();
  const flush = setInterval(() => {
    void touches.flush().catch(onError);
    void recorder.flush().catch(onError);
    void calls.flush().catch(onError);
    void jobs.flush();
  }, tickMs);
  ops.setReady(true);
  const ports = { port, tlsPort, opsPort: ops.port, agentPort: agents?.port, agentTlsPort: agents?.tlsPort };
  log.info({ ...ports, hosts: config.hosts, pid: process.pid }, 'gateway is listening');

  const close = async (): Promise<void> => {
    clearInterval(flush);
    clearInterval(keysTimer);
    await touches.flush().catch(onError);
    await recorder.flush().catch(onError);
    await calls.flush().catch(onError);
    await jobs.flush();
    await Promise.all([
      limits.close(),
      traces?.close(),
      issuers.close(),
      clusters.close(),
      agents?.close(),
      engine.close(),
      ownApp.close(),
    ]);
    await memory.close();
    await ops.close();
  };
  return {
    port,
    tlsPort,
    opsPort: ops.port,
    drain: () => drain({ log, clock, drainMs: config.drainMs, listenMs: config.drainListenMs, ops, engine, close }),
  };
}

interface PolicyParts extends GatewayDeps {
  readonly config: GatewayConfig;
  readonly memory: Memory;
  readonly ops: OpsServer;
  readonly engine: Engine<ExchangeTag | undefined>;
  readonly clusters: ClusterDoor;
  readonly ownOrigin: string;
  readonly spans: RequestSpans | undefined;
  readonly limits: LimitBook;
  readonly issuerKeys: IssuerKeys;
  readonly onError: (error: unknown) => void;
}

function joinPolicy({
  config,
  clock,
  log,
  memory,
  ops,
  engine,
  clusters,
  ownOrigin,
  spans,
  limits,
  issuerKeys,
  onError,
}: PolicyParts) {
  const { db, vault, keys, directory, feed } = memory;
  const metrics = gatewayMetrics(ops.registry, {
    openByKind: () => countKinds(engine),
    connections: () => {
      const { clients: client, upstreams: upstream } = engine.counts();
      return { client, upstream };
    },
    working: () => engine.counts().working,
    slotsInUse: () => limits.slotsInUse,
    waiting: () => activator.waiting,
    storeAgeSeconds: () => feed.ageMs / 1000,
  });
  const activator = new Activator({
    directory,
    clock,
    wake: (target) => requestWake(db, target),
    onWake: (result) => metrics.woke(result),
  });
  const touches = new InstanceTouches({
    clock,
    touch: (ids) => touchInstances(db, ids),
    inUse: () => [...engine.open].flatMap(({ tag }) => tag ?? []),
  });
  const tokens = new ContextTokens(keys);
  const credentials = new Credentials({ directory, vault, clock, contexts: keys, db, issuerKeys });
  const recorder = new DecisionRecorder({
    db,
    clock,
    allowEvery: config.decisionSample,
    onWritten: (count) => metrics.recorded('written', count),
    onDropped: (count) => metrics.recorded('dropped', count),
  });
  const calls = new CallRecorder({
    db,
    clock,
    onWritten: (count) => metrics.callsRecorded('written', count),
    onDropped: (count) => metrics.callsRecorded('dropped', count),
    onError,
  });
  const jobs = new JobBook({ db, vault, clock, onError });
  const installTokens = new InstallTokens(keys, clock);
  const admission = { directory, clock, stale: () => feed.stale };
  const guard = new StreamGuard(engine, admission);
  guard.start(tickMs, onError);
  const keep = { clusters, keys, tokens, installTokens, credentials, guard };
  directory.onChange((change) => void letGo(keep, change).catch(onError));
  const usage = new UsageGate(limits, clock, ({ kind, scope }) => metrics.limited(kind, scope));
  const cookie = cookieFormOf(config.publicGatewayUrl);
  const ownPages = new URL(config.publicGatewayUrl).origin;
  const appAdmission = { ...admission, credentials };
  const policy = new GatewayPolicy({
    ownOrigin,
    clock,
    metrics,
    spans,
    log: new AccessLog(log, metrics, config.logSample),
    notes: new DecisionNotes(recorder, new FirstUses({ db, clock, onError })),
    app: { admission: appAdmission, activator, tokens, touches, usage, jobs, clock, cookie, ownPages },
    cluster: { admission, tokens: installTokens, clusters, usage, calls },
  });
  return { policy, touches, recorder, calls, jobs };
}

interface Kept {
  readonly clusters: ClusterDoor;
  readonly keys: Memory['keys'];
  readonly tokens: ContextTokens;
  readonly installTokens: InstallTokens;
  readonly credentials: Credentials;
  readonly guard: StreamGuard;
}

/** letGo drops what a change makes stale, and ends the streams that may not go on. */
async function letGo(
  { clusters, keys, tokens, installTokens, credentials, guard }: Kept,
  change: Change,
): Promise<void> {
  clusters.forget(change);
  if (change.kind === 'signing_key') {
    await keys.refresh();
    tokens.keysChanged();
    installTokens.clear();
    credentials.clear();
  }
  await guard.onChange(change);
}

/** listenTls listens where there is a certificate to prove us with. @returns the port */
async function listenTls(
  { tls, hosts, process }: GatewayConfig,
  engine: Engine<ExchangeTag | undefined>,
  log: Logger,
): Promise<number | undefined> {
  if (!tls) return undefined;
  return engine.listenTls({ ...tls, hosts, sharePort: process !== undefined, onReload: reloadLog(log) });
}

const openTraces = (url: string): Promise<TraceExport> =>
  openTraceExport({ url, service: 'nmachine-gateway', delayMs: tracesDelayMs });

/** Our name in `Via`: of this installation, which all its gateways share, and no other. */
const pseudonymOf = (vault: Vault): string => `nmachine-${vault.subkey('via-pseudonym').toString('hex', 0, 8)}`;

/** openLimits shares limits with the other gateways when there is a Redis to share them in. */
async function openLimits(config: GatewayConfig, clock: Clock, onError: (error: unknown) => void) {
  const { redisUrl, tenantConnections: orgConnectionsMax } = config;
  const processes = config.process === undefined ? 1 : config.processes;
  if (!redisUrl) return { book: new LimitBook({ clock, processes, orgConnectionsMax }), close: async () => undefined };
  let book: LimitBook | undefined;
  const options = { url: redisUrl.reveal(), clock, gateway: newId('instance'), onError };
  const shares = await RedisShares.open(options, () => book?.renew());
  book = new LimitBook({ clock, shares, orgConnectionsMax });
  return { book, close: () => shares.close() };
}

function countKinds(engine: Engine<ExchangeTag | undefined>): Record<string, number> {
  const counts: Record<string, number> = { request: 0, stream: 0, tunnel: 0 };
  for (const { kind } of engine.open) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
