import { compileBundle, formatFinding, loadBundle, unpackBundle } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';

/** What is known of a bundle that may be hosted. */
export interface VettedBundle {
  readonly digest: string;
  readonly files: number;
  readonly warnings: readonly string[];
}

/** vetBundle reads a packed bundle as its host will, and refuses what the linter refuses. @throws Fault bundle_invalid */
export function vetBundle(bytes: Buffer, digest: string): VettedBundle {
  const files = unpackBundle(bytes);
  const { bundle, findings } = compileBundle(files);
  if (findings.some(({ severity }) => severity === 'error')) loadBundle(files);
  if (bundle.digest !== digest)
    throw new Fault('bundle_invalid', {
      public: `The bytes that came have the digest ${bundle.digest}, and the address names another.`,
      extra: { findings: [] },
    });
  return { digest, files: files.length, warnings: findings.map(formatFinding) };
}
