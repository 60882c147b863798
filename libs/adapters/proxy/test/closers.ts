import { afterEach } from 'vitest';

interface Closes {
  close(): Promise<unknown> | unknown;
}

/** keeper closes what a test of the file opened, the newest first, when that test is over. @returns what to open it by */
export function keeper(): <T extends Closes>(thing: T) => T {
  const kept: Closes[] = [];
  afterEach(async () => {
    for (const thing of kept.splice(0).reverse()) await thing.close();
  });
  return (thing) => {
    kept.push(thing);
    return thing;
  };
}
