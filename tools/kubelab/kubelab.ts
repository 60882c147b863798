import { join } from 'node:path';
import { type BuildOptions, ensureBuilt } from './build/ensure-built.ts';
import { findGo } from './build/find-go.ts';
import { buildAndImport } from './cli/image.ts';
import { down } from './cluster/down.ts';
import type { Mode } from './cluster/state.ts';
import { up } from './cluster/up.ts';
import { KubelabError } from './errors.ts';
import type { ImageConfig } from './image/docker-archive.ts';
import { clusterDir } from './paths.ts';
import { processRef } from './process-ref.ts';

export { ensureBuilt, findGo, KubelabError };

/** Options of startCluster. */
export interface StartOptions extends Pick<BuildOptions, 'onProgress' | 'lowPriority'> {
  readonly name: string;
  readonly mode: Mode;
  /** The cluster ends when this process ends; default: the calling process. null: it stays until `stop` or `down`. */
  readonly ownerPid?: number | null;
  /** Default: the folder that `--name` means on the command line. */
  readonly stateDir?: string;
  /** Its data goes when it ends, however it ends. Default false. */
  readonly ephemeral?: boolean;
  /** Keeps a log of the writes of ConfigMaps and Jobs in `log/audit.log` of its folder. Default false. */
  readonly audit?: boolean;
  readonly onStep?: (step: string) => void;
}

/** A running cluster. */
export interface Cluster {
  readonly kubeconfigPath: string;
  readonly server: string;
  readonly kubectlPath: string;
  readonly supervisorPid: number;
  readonly stateDir: string;
  /** False when a cluster of that name was running before; then `stop` still stops it. */
  readonly started: boolean;
  stop(): Promise<void>;
  /** Makes an image of a folder and gives it to the real node (mode `node`); returns its id. */
  addImage(ref: string, rootfs: string, config: ImageConfig): Promise<string>;
}

/**
 * Starts a cluster, building it first if the cache lacks it, or returns the running one of that name.
 * @throws KubelabError with the remedy: Go missing, packages missing, a component that does not come up.
 */
export async function startCluster(options: StartOptions): Promise<Cluster> {
  const {
    name,
    mode,
    ownerPid = process.pid,
    stateDir: dir = clusterDir(name),
    ephemeral = false,
    audit = false,
  } = options;
  const owner = ownerPid === null ? null : processRef(ownerPid);
  if (owner === undefined) throw new KubelabError(`There is no process ${ownerPid} that could own the cluster.`);
  const build = await ensureBuilt(options);
  const { state, started } = await up({ name, dir, mode, build, owner, ephemeral, audit, onStep: options.onStep });
  return {
    kubeconfigPath: state.kubeconfigPath,
    server: state.server,
    kubectlPath: join(state.bin, 'kubectl'),
    supervisorPid: state.supervisor.pid,
    stateDir: dir,
    started,
    stop: async () => {
      await down(dir, ephemeral);
    },
    addImage: (ref, rootfs, config) => buildAndImport(dir, ref, rootfs, config),
  };
}
