import { Fault, isFault } from '@nm/kernel/fault';
import { type Dispatcher, request } from 'undici';

const fetchMsMax = 5_000;
const documentBytesMax = 256 * 1024;

/** Plain HTTP is for an issuer on this very machine, in development; the egress policy still has to allow it. */
const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** issuerUrlFault says what is wrong with an address at which an issuer publishes something; undefined: nothing. */
export function issuerUrlFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url) return 'not a URL';
  if (url.username !== '' || url.password !== '') return 'holds a credential';
  if (url.hash !== '' || url.search !== '') return 'has a query or a fragment';
  if (url.protocol === 'https:') return undefined;
  return url.protocol === 'http:' && loopback.test(url.hostname) ? undefined : 'must be https';
}

const unusable = (url: string, why: string, cause?: unknown): Fault =>
  new Fault('issuer_unusable', { public: `${url}: ${why}`, ...(cause === undefined ? {} : { cause }) });

/**
 * fetchDocument gets one JSON document of an issuer: bounded in time and size, and no redirect is followed.
 * @param dispatcher an egress agent
 * @throws Fault issuer_unusable, egress_denied
 */
export async function fetchDocument(dispatcher: Dispatcher, url: string): Promise<unknown> {
  const fault = issuerUrlFault(url);
  if (fault) throw unusable(url, fault);
  let text: string;
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(fetchMsMax),
    });
    text = await readBounded(body);
    if (statusCode !== 200) throw unusable(url, `answered ${statusCode}`);
  } catch (error) {
    if (isFault(error)) throw error;
    throw unusable(url, 'could not be fetched', error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(url, 'is not JSON', error);
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > documentBytesMax) throw new Fault('issuer_unusable', { public: 'The document is over 256 KiB.' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
