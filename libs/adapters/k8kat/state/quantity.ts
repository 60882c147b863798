const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const form = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/;

/**
 * parseQuantity reads a quantity as Kubernetes writes it (`250m`, `1.5Gi`, `12e6`) as a number of the base unit: cores, bytes, pieces.
 * Undefined when it is none; never a guess. Thousandths are divided, so that `100m` three times is 0.3 cores to the last digit shown.
 */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (typeof text === 'number') return text;
  const match = text === undefined ? null : form.exec(text);
  if (!match) return undefined;
  const [, digits = '', exponent = '', suffix = ''] = match;
  const value = Number(`${digits}${exponent}`);
  const factor = suffixes[suffix] ?? 1;
  return factor < 1 ? value / Math.round(1 / factor) : value * factor;
}

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
