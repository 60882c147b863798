import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiResource, KubeRequestOptions } from '../transport/kube-types.js';
import type { Transport } from '../transport/transport.js';
import { type WatchEvent, watchObjects } from './watch.js';

const resource: ApiResource = { apiVersion: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };
const silenceMsMax = 100_000;

/** A stream that the watch has opened: from where, and what it reads. */
interface Opened {
  readonly from: unknown;
  readonly body: PassThrough;
}

describe('a watch', () => {
  let lists: number;
  let streams: Opened[];
  let seen: WatchEvent[];
  let stop: AbortController;
  let over: Promise<void>;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    lists = 0;
    [streams, seen, stop] = [[], [], new AbortController()];
    const transport = {
      request: async () => ({ items: [], metadata: { resourceVersion: `${++lists}00` } }),
      stream: async (_path: string, { query, signal }: KubeRequestOptions) => {
        const body = new PassThrough();
        signal?.addEventListener('abort', () => body.destroy(signal.reason as Error));
        streams.push({ from: query?.['resourceVersion'], body });
        return body;
      },
    } as unknown as Transport;
    over = (async () => {
      const what = { apiVersion: 'v1', kind: 'Pod', signal: stop.signal, silenceMsMax };
      for await (const event of watchObjects(transport, resource, what)) seen.push(event);
    })();
  });
  afterEach(async () => {
    stop.abort(new Error('over'));
    await over.catch(() => undefined);
    vi.useRealTimers();
  });

  /** Waits for that many streams; the pauses between them pass at once. */
  const opened = async (count: number): Promise<Opened> => {
    await vi.waitUntil(async () => {
      if (streams.length < count) await vi.advanceTimersByTimeAsync(100);
      return streams.length >= count;
    });
    return streams[count - 1] as Opened;
  };
  const say = async ({ body }: Opened, type: string, object: object): Promise<void> => {
    body.write(`${JSON.stringify({ type, object })}\n`);
    await vi.advanceTimersByTimeAsync(0);
  };
  const version = (resourceVersion: string) => ({ metadata: { name: 'p', resourceVersion } });

  it('stays on a stream that says something now and then, however long it lives, and leaves one that says nothing', async () => {
    const first = await opened(1);
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(silenceMsMax * 0.6);
      await say(first, 'BOOKMARK', version(`10${i}`));
    }
    await vi.advanceTimersByTimeAsync(silenceMsMax * 0.9);
    expect(streams.length).toBe(1);
    await vi.advanceTimersByTimeAsync(silenceMsMax * 0.2);
    expect((await opened(2)).from).toBe('104');
    expect(first.body.destroyed).toBe(true);
    expect(lists).toBe(1);
  });

  it('goes on behind the last change when a stream ends, without another list', async () => {
    const first = await opened(1);
    await say(first, 'ADDED', version('150'));
    first.body.end();
    const second = await opened(2);
    expect([first.from, second.from, lists]).toEqual(['100', '150', 1]);
    expect(seen.map(({ type }) => type)).toEqual(['list', 'added']);
  });

  it('lists anew when the server has forgotten its place', async () => {
    const first = await opened(1);
    await say(first, 'ADDED', version('150'));
    await say(first, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    expect((await opened(2)).from).toBe('200');
    expect(seen.map(({ type }) => type)).toEqual(['list', 'added', 'list']);
  });

  it('goes on from its place after any other error', async () => {
    const first = await opened(1);
    await say(first, 'ADDED', version('150'));
    await say(first, 'ERROR', { kind: 'Status', code: 500, reason: 'InternalError' });
    expect((await opened(2)).from).toBe('150');
    expect(lists).toBe(1);
  });
});
