/** What a bundle may hold. It is hostile input until it has passed. */
export const bundleLimits = {
  files: 2_000,
  /** Of a whole bundle when it is packed. */
  packedBytes: 8 * 1024 * 1024,
  pathChars: 200,
  /** Names in one path. */
  folders: 8,
  /** Whatever lies in the folders of a bundle, folders themselves included. */
  entries: 5_000,
  /** Of one file of descriptors. */
  fileBytes: 512 * 1024,
  /** Of all descriptors together. */
  descriptorBytes: 2 * 1024 * 1024,
  documents: 2_000,
  assetBytes: 2 * 1024 * 1024,
  assetsBytes: 6 * 1024 * 1024,
  /** Values in all descriptors together; each use of an alias is counted again. */
  values: 60_000,
  /** Commas, line breaks and other signs of a value in the text of all descriptors, counted before a parser sees them. */
  signs: 100_000,
  /** Of one object. */
  members: 2_000,
  /** Members that all inheritance together may copy. */
  inherited: 100_000,
  /** Misspelt names that another one is looked for. */
  suggestions: 20,
  /** Levels of nesting within one descriptor. */
  depth: 48,
  /** Findings that are reported before the rest is left out. */
  findings: 500,
} as const;
