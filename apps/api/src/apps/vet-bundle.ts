import { CompileThread, type Verdict } from '@nm/kama-sdk/compile';
import { Fault } from '@nm/kernel/fault';

/** A bundle within the limits of the SDK takes about a second of processor time at worst, and what takes more is meant to. */
const limits = { cpuMsMax: 2_000, heapMib: 128 };

/** bundleCompiler makes the thread that pushed bundles are tried in. @param file its far side as it is built, where this is not */
export const bundleCompiler = (file?: URL): CompileThread => new CompileThread(limits, file);

/** vetBundle has a packed bundle read as its host will, and refuses what the linter refuses. @throws Fault bundle_invalid */
export async function vetBundle(compiler: CompileThread, bytes: Buffer, digest: string): Promise<Verdict> {
  const verdict = await compiler.vet(bytes);
  if (verdict.digest !== digest)
    throw new Fault('bundle_invalid', {
      public: `The bytes that came have the digest ${verdict.digest}, and the address names another.`,
      extra: { findings: [] },
    });
  return verdict;
}
