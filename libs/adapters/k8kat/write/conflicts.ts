import { isKubeStatus } from '../transport/kube-faults.js';

/** A field that server-side apply may not set, because another manager owns it. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
}

/** conflictsOf reads who stands in the way of an apply; empty for any other error. */
export function conflictsOf(error: unknown): readonly FieldConflict[] {
  if (!isKubeStatus(error, 409)) return [];
  const { causes = [] } = error.extra['kubernetes'] as { causes?: readonly { field?: string; message?: string }[] };
  return causes.flatMap(({ field, message }) => {
    const manager = /^conflict with "([^"]*)"/.exec(message ?? '')?.[1];
    return field && manager ? [{ field, manager }] : [];
  });
}
