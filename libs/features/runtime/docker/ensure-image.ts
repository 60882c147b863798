import { Fault } from '@nm/kernel/fault';
import type Docker from 'dockerode';
import { isStatus, unavailable } from './engine-errors.js';

/** Who a KAMA runs as when its image names nobody, or root: the "nonroot" of distroless images. */
const unprivileged = '65532:65532';
const pullMsMax = 300_000;

/**
 * ensureImage pulls an image unless it is there, and gives the user to run it as, which is never root.
 * @throws Fault runtime_unavailable when it cannot be had
 */
export async function ensureImage(engine: Docker, image: string): Promise<string> {
  const present = await inspect(engine, image);
  if (present) return userOf(present);
  await pull(engine, image);
  const pulled = await inspect(engine, image);
  if (!pulled) throw new Fault('runtime_unavailable', { public: `The image ${image} is not there after pulling it.` });
  return userOf(pulled);
}

async function inspect(engine: Docker, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await engine.getImage(image).inspect();
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw unavailable('The container engine does not answer', error);
  }
}

async function pull(engine: Docker, image: string): Promise<void> {
  try {
    const progress = (await engine.pull(image, {
      abortSignal: AbortSignal.timeout(pullMsMax),
    })) as NodeJS.ReadableStream;
    await new Promise<void>((resolve, reject) =>
      engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())),
    );
  } catch (error) {
    throw unavailable(`The image ${image} is not on this machine and could not be pulled`, error);
  }
}

/** userOf keeps an image's own user when it is a number other than 0; a name could be anybody, root included. */
function userOf(image: Docker.ImageInspectInfo): string {
  const user = image.Config.User ?? '';
  const [uid = '', gid] = user.split(':');
  if (!/^[1-9]\d*$/.test(uid)) return unprivileged;
  return `${uid}:${gid !== undefined && /^[1-9]\d*$/.test(gid) ? gid : 65532}`;
}
