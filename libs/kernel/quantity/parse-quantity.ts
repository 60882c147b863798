/** What each suffix of a Kubernetes quantity multiplies by: decimal from nano to exa, binary from kibi to exbi. */
export const quantityFactors: Readonly<Record<string, number>> = {
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
const form = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i))?$/;

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
  const factor = quantityFactors[suffix] ?? 1;
  return factor < 1 ? value / Math.round(1 / factor) : value * factor;
}
