// The far side of CompileThread: reads, checks and orders one bundle after the other, and keeps nothing of them.
import { parentPort } from 'node:worker_threads';
import { loadBundle, type PortableBundle, unpackBundle } from '@nm/kama-sdk';
import { type Code, toFault } from '@nm/kernel/fault';

export type Compiled =
  | { readonly bundle: PortableBundle }
  | { readonly fault: { readonly code: Code; readonly public: string; readonly extra: Record<string, unknown> } };

parentPort?.on('message', (text: string) => {
  parentPort?.postMessage(compiled(text));
});

function compiled(text: string): Compiled {
  try {
    return { bundle: loadBundle(unpackBundle(Buffer.from(text))).toPortable() };
  } catch (error) {
    const { code, publicMessage, extra } = toFault(error);
    return { fault: { code, public: publicMessage, extra: { ...extra } } };
  }
}
