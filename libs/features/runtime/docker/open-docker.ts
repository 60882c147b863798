import { createHash } from 'node:crypto';
import Docker from 'dockerode';
import type { OnExit } from '../runtime-driver.js';
import { DockerDriver } from './docker-driver.js';
import { isStatus, unavailable } from './engine-errors.js';

export interface OpenDockerOptions {
  readonly socketPath: string;
  readonly network: string;
  readonly publishHost?: string | undefined;
  readonly realm: string;
  readonly onExit?: OnExit | undefined;
}

export interface OpenedDocker {
  readonly driver: DockerDriver;
  /** Limits that this engine cannot enforce, in words. */
  readonly warnings: readonly string[];
}

const answerMsMax = 3_000;

/**
 * openDocker connects to an engine and makes the KAMAs' network when it is absent: a bridge on which containers cannot reach each other,
 * since every way to a KAMA leads through the gateway.
 * @throws Fault runtime_unavailable when no engine answers
 */
export async function openDocker(options: OpenDockerOptions): Promise<OpenedDocker> {
  const engine = new Docker({ socketPath: options.socketPath });
  try {
    await new Docker({ socketPath: options.socketPath, timeout: answerMsMax }).ping();
    const info = (await engine.info()) as EngineInfo;
    await ensureNetwork(engine, options.network);
    return { driver: new DockerDriver({ ...options, engine, engineId: info.ID }), warnings: missingLimits(info) };
  } catch (error) {
    throw unavailable(`No container engine can be used at ${options.socketPath}`, error);
  }
}

interface EngineInfo {
  readonly ID: string;
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly CpuCfsQuota: boolean;
  readonly PidsLimit: boolean;
}

function missingLimits(info: EngineInfo): string[] {
  const limits: [boolean, string][] = [
    [info.MemoryLimit, 'memory is not limited'],
    [info.SwapLimit, 'swap is not limited'],
    [info.CpuCfsQuota, 'CPU is not limited'],
    [info.PidsLimit, 'the number of processes is not limited'],
  ];
  return limits.flatMap(([works, warning]) => (works ? [] : [warning]));
}

async function ensureNetwork(engine: Docker, name: string): Promise<void> {
  try {
    await engine.getNetwork(name).inspect();
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await engine
      .createNetwork({
        Name: name,
        Driver: 'bridge',
        Labels: { 'io.nmachine.network': name },
        Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      })
      .catch((conflict: unknown) => {
        // Another operator made it a moment ago.
        if (!isStatus(conflict, 409)) throw conflict;
      });
  }
}

/** realmOf names the NMachine that a database belongs to, without telling anything about it. */
export function realmOf(databaseUrl: string): string {
  const { host, pathname } = new URL(databaseUrl);
  return createHash('sha256').update(`${host}${pathname}`).digest('hex').slice(0, 16);
}
