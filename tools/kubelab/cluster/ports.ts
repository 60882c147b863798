import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { KubelabError } from '../errors.ts';
import { type Lock, tryLock } from '../lock.ts';

/** Loopback ports of one cluster. */
export interface Ports {
  readonly api: number;
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly controllers: number;
  readonly scheduler: number;
  readonly kwok: number;
}

const NAMES = [
  'api',
  'etcd',
  'etcdPeer',
  'controllers',
  'scheduler',
  'kwok',
] as const satisfies readonly (keyof Ports)[];
const FIRST_BASE = 20_000;
const BLOCK = 10;

/** Block of ports that starts at `base`. */
export function portsFrom(base: number): Ports {
  return Object.fromEntries(NAMES.map((name, i) => [name, base + i])) as unknown as Ports;
}

/** First port that the kernel hands out to outgoing connections; below it nobody gets a port by chance. */
export function ephemeralStart(file = '/proc/sys/net/ipv4/ip_local_port_range'): number {
  try {
    return Number(readFileSync(file, 'utf8').split(/\s+/)[0]) || 32_768;
  } catch {
    return 32_768;
  }
}

/**
 * Chooses a free block below the ephemeral range and holds it: the lock keeps two clusters that start at the same moment apart, and ends with
 * this process. `preferred` is tried first, so that a restarted cluster keeps its address. Ports are probed because an API server would
 * happily write into somebody else's etcd.
 */
export async function claimPorts(preferred?: number): Promise<{ ports: Ports; lock: Lock }> {
  const end = Math.min(ephemeralStart(), 60_000) - BLOCK;
  const bases = preferred === undefined ? [] : [preferred];
  for (let base = FIRST_BASE; base < end; base += BLOCK) bases.push(base);
  for (const base of bases) {
    const lock = await tryLock(`ports:${base}`);
    if (!lock) continue;
    const ports = portsFrom(base);
    if ((await busyPorts(Object.values(ports))).length === 0) return { ports, lock };
    await lock.release();
  }
  throw new KubelabError(
    `No block of ${NAMES.length} free ports between ${FIRST_BASE} and ${end}: stop a cluster with "down".`,
  );
}

/** Those of `ports` that somebody listens on, on any address. */
export async function busyPorts(ports: readonly number[]): Promise<number[]> {
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, i) => !free[i]);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    // All addresses: conflicts with a listener on any single one.
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
