import type { VersionSpec } from '@nm/kernel/contracts';
import type Docker from 'dockerode';
import {
  type InstanceFiles,
  logBytesMax,
  type OnExit,
  type RuntimeDriver,
  type RuntimeHandle,
  type RuntimeSpec,
  type RuntimeState,
} from '../runtime-driver.js';
import { containerOptions, filesFolder, instanceLabel, realmLabel } from './container-options.js';
import { demultiplex } from './demultiplex.js';
import { isStatus, unavailable } from './engine-errors.js';
import { ensureImage } from './ensure-image.js';
import { tarOf } from './tar-of.js';

export interface DockerDriverOptions {
  readonly engine: Docker;
  /** Id of the engine: a handle of another engine means nothing here. */
  readonly engineId: string;
  /** Bridge network of the KAMAs. */
  readonly network: string;
  /** Marks the containers of one NMachine, so that two on one engine leave each other alone. */
  readonly realm: string;
  /** Publishes each KAMA on a free port of this address, instead of being reached at its own address. */
  readonly publishHost?: string | undefined;
  readonly onExit?: OnExit | undefined;
}

/** DockerDriver runs a version's `image` as a container that may do as little as possible (see `containerOptions`). */
export class DockerDriver implements RuntimeDriver {
  readonly name = 'docker';
  readonly survivesOperator = true;
  readonly #options: DockerDriverOptions;
  /** Containers whose end is being waited for. */
  readonly #watched = new Set<string>();
  #closed = false;

  constructor(options: DockerDriverOptions) {
    this.#options = options;
  }

  refuses(version: VersionSpec): string | undefined {
    return version.image ? undefined : 'This version has a command and no image, and only containers run here.';
  }

  async start(spec: RuntimeSpec): Promise<RuntimeHandle> {
    const { engine, network, realm, publishHost } = this.#options;
    const user = await ensureImage(engine, spec.version.image ?? '');
    const options = containerOptions({ spec, user, network, realm, publishHost });
    const container = await this.#create(options);
    try {
      if (spec.files) await container.putArchive(await tarOf(spec.files), { path: filesFolder });
      await container.start();
      const address = await this.#addressOf(container, spec.version.port);
      this.#watch(container.id, spec.instanceId);
      return this.#handle(spec.instanceId, container.id, address);
    } catch (error) {
      await container.remove({ force: true, v: true }).catch(() => undefined);
      throw unavailable('The container could not be started', error);
    }
  }

  folderOf(): string {
    return filesFolder;
  }

  async writeFiles(handle: RuntimeHandle, files: InstanceFiles): Promise<void> {
    if (handle.place !== this.#options.engineId) return;
    try {
      await this.#options.engine.getContainer(handle.ref).putArchive(await tarOf(files), { path: filesFolder });
    } catch (error) {
      throw unavailable('Files of the container could not be written', error);
    }
  }

  /** The name holds the instance's id, so the engine itself refuses a second container of an instance: what is there is a leftover. */
  async #create(options: Docker.ContainerCreateOptions): Promise<Docker.Container> {
    const { engine } = this.#options;
    try {
      return await engine.createContainer(options).catch(async (error: unknown) => {
        if (!isStatus(error, 409) || options.name === undefined) throw error;
        await engine.getContainer(options.name).remove({ force: true, v: true });
        return engine.createContainer(options);
      });
    } catch (error) {
      throw unavailable('The container could not be created', error);
    }
  }

  async #addressOf(container: Docker.Container, port: number): Promise<string> {
    const { network, publishHost } = this.#options;
    const { NetworkSettings } = await container.inspect();
    if (publishHost === undefined) return `${NetworkSettings.Networks[network]?.IPAddress}:${port}`;
    return `${publishHost}:${NetworkSettings.Ports[`${port}/tcp`]?.[0]?.HostPort}`;
  }

  #handle(instanceId: string, ref: string, address: string): RuntimeHandle {
    return { instanceId, driver: 'docker', ref, place: this.#options.engineId, address };
  }

  #watch(id: string, instanceId: string): void {
    if (this.#closed || this.#watched.has(id)) return;
    this.#watched.add(id);
    const over = () => {
      this.#watched.delete(id);
      if (!this.#closed) this.#options.onExit?.(instanceId);
    };
    this.#options.engine.getContainer(id).wait().then(over, over);
  }

  async inspect(handle: RuntimeHandle): Promise<RuntimeState> {
    const { address } = handle;
    if (handle.place !== this.#options.engineId) return { state: 'absent', address };
    try {
      const { State } = await this.#options.engine.getContainer(handle.ref).inspect();
      if (State.Running) {
        this.#watch(handle.ref, handle.instanceId);
        return { state: 'running', address };
      }
      return { state: 'exited', exitCode: State.ExitCode, outOfMemory: State.OOMKilled, address };
    } catch (error) {
      if (isStatus(error, 404)) return { state: 'absent', address };
      throw unavailable('The container engine does not answer', error);
    }
  }

  async stop(handle: RuntimeHandle, graceMs: number): Promise<void> {
    if (handle.place !== this.#options.engineId) return;
    const container = this.#options.engine.getContainer(handle.ref);
    // 404: it is gone; 409: it has ended.
    const signal = (name: string) =>
      container.kill({ signal: name }).catch((error: unknown) => {
        if (!isStatus(error, 404, 409)) throw unavailable('The container could not be stopped', error);
      });
    if (graceMs > 0) await signal('SIGTERM');
    const timer = setTimeout(() => void signal('SIGKILL').catch(() => undefined), graceMs);
    try {
      await container.wait();
    } catch (error) {
      if (!isStatus(error, 404)) throw unavailable('The container could not be stopped', error);
    } finally {
      clearTimeout(timer);
    }
  }

  async logs(handle: RuntimeHandle): Promise<Buffer> {
    if (handle.place !== this.#options.engineId) return Buffer.alloc(0);
    try {
      const output = await this.#options.engine.getContainer(handle.ref).logs({ stdout: true, stderr: true });
      return demultiplex(output).subarray(-logBytesMax);
    } catch (error) {
      if (isStatus(error, 404)) return Buffer.alloc(0);
      throw unavailable('The output of the container could not be read', error);
    }
  }

  async remove(handle: RuntimeHandle): Promise<void> {
    if (handle.place !== this.#options.engineId) return;
    try {
      await this.#options.engine.getContainer(handle.ref).remove({ force: true, v: true });
    } catch (error) {
      // 409: it is being removed already.
      if (!isStatus(error, 404, 409)) throw unavailable('The container could not be removed', error);
    }
  }

  async list(): Promise<RuntimeHandle[]> {
    const found = await this.#options.engine.listContainers({
      all: true,
      filters: { label: [`${realmLabel}=${this.#options.realm}`] },
    });
    return found.map((each) => this.#handle(each.Labels[instanceLabel] ?? '', each.Id, ''));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
