import { parseQuantity } from '@nm/kernel/quantity';

/** sumQuantities adds quantities; what is missing or unreadable counts as nothing. */
export function sumQuantities(texts: readonly (string | number | undefined)[]): number {
  const sum = texts.reduce<number>((total, text) => total + (parseQuantity(text) ?? 0), 0);
  // Binary fractions: 0.1 + 0.2. Nano is the finest unit that Kubernetes knows.
  return Math.round(sum * 1e9) / 1e9;
}

/** formatBytes writes bytes in the largest binary unit that leaves a number of 1 or more: `1.5Gi`. */
export function formatBytes(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value * 10) / 10}${units[unit]}`;
}

/** formatCores writes cores: `250m`, `1.5`. */
export const formatCores = (cores: number): string =>
  cores !== 0 && Math.abs(cores) < 1 ? `${Math.round(cores * 1000)}m` : `${Math.round(cores * 1000) / 1000}`;
