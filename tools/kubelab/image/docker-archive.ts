import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeRootfsTar } from './rootfs-tar.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';

/** The `config` part of an OCI image configuration, as far as tests use it. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

const EPOCH = '1970-01-01T00:00:00Z';
const ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Writes a single-layer image of the folder `rootfs` as a docker-archive (`docker load`, `ctr images import`). The same content gives the same
 * bytes, so that an unchanged image is not imported again under another id.
 * @returns the image id, `sha256:…`.
 */
export async function writeImage(file: string, ref: string, rootfs: string, config: ImageConfig): Promise<string> {
  const layerFile = `${file}.layer`;
  try {
    const layer = await writeRootfsTar(rootfs, layerFile);
    const configJson = Buffer.from(
      JSON.stringify({
        architecture: ARCHITECTURE[process.arch] ?? process.arch,
        os: 'linux',
        created: EPOCH,
        config,
        rootfs: { type: 'layers', diff_ids: [`sha256:${layer.sha256}`] },
        history: [{ created: EPOCH }],
      }),
    );
    const id = createHash('sha256').update(configJson).digest('hex');
    const [configPath, layerPath] = [`${id}.json`, `${layer.sha256}/layer.tar`];
    const manifest = Buffer.from(JSON.stringify([{ Config: configPath, RepoTags: [ref], Layers: [layerPath] }]));
    await pipeline(
      Readable.from(
        (async function* () {
          yield member(configPath, configJson);
          yield tarHeader({ type: 'file', path: layerPath, mode: 0o644, size: layer.size });
          yield* createReadStream(layerFile);
          yield tarPadding(layer.size);
          yield member('manifest.json', manifest);
          yield TAR_END;
        })(),
      ),
      createWriteStream(file),
    );
    return `sha256:${id}`;
  } finally {
    await rm(layerFile, { force: true });
  }
}

function member(path: string, content: Buffer): Buffer {
  return Buffer.concat([
    tarHeader({ type: 'file', path, mode: 0o644, size: content.length }),
    content,
    tarPadding(content.length),
  ]);
}
