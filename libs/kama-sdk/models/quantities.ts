const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  K: 1e3,
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

/** parseQuantity reads a quantity of Kubernetes, such as "250m" or "1.5Gi"; what is none counts as nothing. */
export function parseQuantity(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0;
  const [, amount, unit = ''] =
    /^\s*([+-]?\d+(?:\.\d*)?(?:e[+-]?\d{1,3})?)\s*([a-zA-Z]{0,2})b?\s*$/i.exec(String(value ?? '').slice(0, 100)) ?? [];
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined;
  return amount === undefined || factor === undefined ? 0 : Number(amount) * factor;
}

/** convertQuantity gives a quantity in another unit. */
export function convertQuantity(value: unknown, unit: string): number {
  const factor = Object.hasOwn(factors, unit) ? (factors[unit] ?? 1) : 1;
  return parseQuantity(value) / factor;
}

/** humanBytes picks the unit in which a number of bytes is short. */
export function humanBytes(bytes: number): { readonly amount: number; readonly unit: string } {
  const units = ['', 'K', 'M', 'G', 'T', 'P'];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.abs(bytes) || 1) / 3)));
  return { amount: bytes / 1000 ** power, unit: units[power] ?? '' };
}
