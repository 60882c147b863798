// The far side of CompileThread: reads, checks and orders one bundle after the other, and keeps nothing of them.
import { parentPort } from 'node:worker_threads';
import { type Code, toFault } from '@nm/kernel/fault';
import type { PortableBundle } from '../descriptors/bundle.js';
import { unpackBundle } from '../descriptors/bundle-archive.js';
import { compileBundle, loadBundle } from '../descriptors/compile-bundle.js';
import { formatFinding } from '../descriptors/finding.js';

/** What is asked for: the bundle, for a host, or what is to be said of it, for whoever keeps it. */
export interface CompileTask {
  readonly bytes: Uint8Array;
  readonly wanted: 'bundle' | 'verdict';
}

/** What is known of a bundle that may be hosted. */
export interface Verdict {
  readonly digest: string;
  readonly files: number;
  readonly warnings: readonly string[];
}

/** `began` is said before the work, so that loading the thread is no part of it. */
export type Compiled =
  | { readonly began: true }
  | { readonly bundle: PortableBundle }
  | { readonly verdict: Verdict }
  | { readonly fault: { readonly code: Code; readonly public: string; readonly extra: Record<string, unknown> } };

parentPort?.on('message', (task: CompileTask) => {
  parentPort?.postMessage({ began: true } satisfies Compiled);
  parentPort?.postMessage(compiled(task));
});

function compiled({ bytes, wanted }: CompileTask): Compiled {
  try {
    const files = unpackBundle(Buffer.from(bytes));
    if (wanted === 'bundle') return { bundle: loadBundle(files).toPortable() };
    const { bundle, findings } = compileBundle(files);
    if (findings.some(({ severity }) => severity === 'error')) loadBundle(files);
    return { verdict: { digest: bundle.digest, files: files.length, warnings: findings.map(formatFinding) } };
  } catch (error) {
    const { code, publicMessage, extra } = toFault(error);
    return { fault: { code, public: publicMessage, extra: { ...extra } } };
  }
}
