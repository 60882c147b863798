import type Docker from 'dockerode';
import type { RuntimeSpec } from '../runtime-driver.js';

/** Labels by which containers of ours are found again. */
export const instanceLabel = 'io.nmachine.instance';
export const realmLabel = 'io.nmachine.realm';

/** Where a KAMA finds its files: a volume of its own, which goes with the container. */
export const filesFolder = '/run/nmachine';

const mib = 1024 * 1024;
const tmpBytesMax = 64 * mib;

export interface ContainerInput {
  readonly spec: RuntimeSpec;
  /** `uid:gid`, never 0. */
  readonly user: string;
  readonly network: string;
  readonly realm: string;
  readonly publishHost: string | undefined;
}

/** containerOptions is the whole of what a KAMA's container may do and have; docs/runtime-contract.md says it in words. */
export function containerOptions(input: ContainerInput): Docker.ContainerCreateOptions {
  const { spec, user, network, realm, publishHost } = input;
  const { port, resources } = spec.version;
  const [uid, gid] = user.split(':');
  const memoryBytes = resources.memoryMib * mib;
  const env = { ...spec.version.env, ...spec.env, HOST: '0.0.0.0', PORT: String(port) };
  return {
    name: `nm-${spec.instanceId}`,
    Image: spec.version.image ?? '',
    User: user,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { [instanceLabel]: spec.instanceId, [realmLabel]: realm },
    ...(spec.files ? { Volumes: { [filesFolder]: {} } } : {}),
    ExposedPorts: { [`${port}/tcp`]: {} },
    // We ask the health path ourselves; an image's own check would start programs inside.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: network,
      ...(publishHost === undefined
        ? {}
        : { PortBindings: { [`${port}/tcp`]: [{ HostIp: publishHost, HostPort: '' }] } }),
      Memory: memoryBytes,
      // The same number: no swap on top.
      MemorySwap: memoryBytes,
      NanoCpus: resources.cpuMillis * 1_000_000,
      PidsLimit: resources.pidsMax,
      ReadonlyRootfs: true,
      // The owner is named because the mode is not kept: runc gives a tmpfs the mode of the image's own folder.
      Tmpfs: { '/tmp': `rw,noexec,nosuid,nodev,size=${tmpBytesMax},mode=1777,uid=${uid},gid=${gid}` },
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      IpcMode: 'private',
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
    },
  };
}
