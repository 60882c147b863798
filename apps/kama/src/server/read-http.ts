import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import type { HttpReader } from '@nm/kama-sdk';
import { isFault } from '@nm/kernel/fault';
import { request } from 'undici';

const bytesMax = 512 * 1024;
const answerMsMax = 5_000;

/** httpReader makes the GET requests that descriptors ask for: to addresses that the policy allows, no redirects, 512 KiB and five seconds at most. */
export function httpReader(policy = new EgressPolicy()): { readonly read: HttpReader; close(): Promise<void> } {
  const dispatcher = createEgressAgent(policy, { connectTimeoutMs: answerMsMax });
  const read: HttpReader = async (url, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
    try {
      const answer = await request(url, { dispatcher, signal: limit });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > bytesMax) return undefined;
        chunks.push(chunk);
      }
      return { status: answer.statusCode, body: Buffer.concat(chunks).toString('utf8') };
    } catch (error) {
      // Where it must not go is a fault of the descriptor; that nobody answers is an answer.
      if (isFault(error)) throw error;
      return undefined;
    }
  };
  return { read, close: () => dispatcher.close() };
}
