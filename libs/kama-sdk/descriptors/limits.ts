/** What a bundle may hold. It is hostile input until it has passed. */
export const bundleLimits = {
  files: 2_000,
  /** Of one file of descriptors. */
  fileBytes: 512 * 1024,
  /** Of all descriptors together. */
  descriptorBytes: 2 * 1024 * 1024,
  documents: 2_000,
  assetBytes: 2 * 1024 * 1024,
  assetsBytes: 16 * 1024 * 1024,
  /** Values in all descriptors together; each use of an alias is counted again. */
  values: 200_000,
  /** Levels of nesting within one descriptor. */
  depth: 48,
  /** Findings that are reported before the rest is left out. */
  findings: 500,
} as const;
