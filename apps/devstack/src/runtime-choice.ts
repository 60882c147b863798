import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { environment } from '@nm/adapters/config';
import { Fault } from '@nm/kernel/fault';
import { type DevstackConfig, projectRoot } from './config.js';

const run = promisify(execFile);
const image = 'nmachine/guestbook:1';
const icecreamImage = 'nmachine/icecream:1';
const projectImage = 'nmachine:dev';
const network = 'nmachine-kama';

export interface RuntimeChoice {
  readonly driver: 'docker' | 'process';
  /** Why, in words for the person at the terminal. */
  readonly reason: string;
  /** Address of this machine as containers see it; the apps listen there too. */
  readonly hostAddress?: string;
}

/** pingDocker tells whether an engine answers on the socket. */
function pingDocker(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 1_500 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.end();
  });
}

/**
 * chooseRuntime hosts the demo in containers when a Docker engine answers and the guestbook's image can be had, else as processes.
 * @throws Fault config_invalid when `NM_RUNTIME_DRIVERS=docker` asks for an engine that is not there
 */
export async function chooseRuntime(config: DevstackConfig): Promise<RuntimeChoice> {
  if (config.runtimeDrivers === 'process') return { driver: 'process', reason: 'NM_RUNTIME_DRIVERS=process' };
  const must = config.runtimeDrivers === 'docker';
  if (!(await pingDocker(config.dockerSocket))) {
    const reason = `no Docker engine answers at ${config.dockerSocket}`;
    if (must)
      throw new Fault('config_invalid', {
        public: `NM_RUNTIME_DRIVERS=docker, but ${reason}. Start it, or set NM_DOCKER_SOCKET.`,
      });
    return { driver: 'process', reason };
  }
  try {
    await ensureImage(config);
    return {
      driver: 'docker',
      reason: `a Docker engine answers at ${config.dockerSocket}`,
      hostAddress: await networkAddress(config),
    };
  } catch (error) {
    const reason = `Docker answers, but the demo's image could not be made (${(error as Error).message.trim().split('\n').at(-1)})`;
    if (must) throw new Fault('config_invalid', { public: reason });
    return { driver: 'process', reason };
  }
}

const docker = (config: DevstackConfig, ...args: string[]) =>
  run('docker', args, {
    cwd: projectRoot,
    env: { ...environment(), DOCKER_HOST: `unix://${config.dockerSocket}` } as NodeJS.ProcessEnv,
    maxBuffer: 16 * 1024 * 1024,
  });

async function ensureImage(config: DevstackConfig): Promise<void> {
  if (await hasImage(config, image)) return;
  await docker(config, 'build', '-t', image, '-f', 'examples/guestbook/Dockerfile', '.');
}

const hasImage = (config: DevstackConfig, name: string): Promise<boolean> =>
  docker(config, 'image', 'inspect', name).then(
    () => true,
    () => false,
  );

/** buildIcecream makes icecream's image where it is missing, on the project's own: minutes, the first time. @throws Error of docker, or with the signal */
export async function buildIcecream(config: DevstackConfig, signal: AbortSignal): Promise<'made' | 'present'> {
  if (await hasImage(config, icecreamImage)) return 'present';
  const build = (tag: string, file: string) =>
    run('docker', ['build', '-q', '-t', tag, '-f', file, '.'], {
      ...{ cwd: projectRoot, signal },
      env: { ...environment(), DOCKER_HOST: `unix://${config.dockerSocket}` } as NodeJS.ProcessEnv,
    });
  if (!(await hasImage(config, projectImage))) await build(projectImage, 'Dockerfile');
  await build(icecreamImage, 'examples/icecream/Dockerfile');
  return 'made';
}

/** networkAddress makes the hosting network when it is absent (its containers do not reach each other); its gateway is how a container reaches this machine. */
async function networkAddress(config: DevstackConfig): Promise<string> {
  await docker(config, 'network', 'inspect', network).catch(() =>
    docker(config, 'network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', network),
  );
  const { stdout } = await docker(config, 'network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network);
  return stdout.trim();
}
