/**
 * slotOf names the one place that an instance may take: a version (tenancy `app`), or a version for one install (tenancy `install`).
 * `instance.slot` is unique, which makes "exactly one" a rule of the database even where `install_id` is null.
 */
export const slotOf = (versionId: string, installId?: string): string =>
  installId === undefined ? versionId : `${versionId}/${installId}`;
