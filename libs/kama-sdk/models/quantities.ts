import { parseQuantity, quantityFactors } from '@nm/kernel/quantity';

/**
 * readQuantity reads what publishers write as a quantity (`250m`, `1.5Gi`, also `5 GB`, `3K`) as a number of the base unit; what is none counts as nothing.
 */
export function readQuantity(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0;
  const [, amount = '', unit = ''] =
    /^\s*([+-]?[\d.]+(?:e[+-]?\d+)?)\s*([a-zA-Z]{0,2}?)b?\s*$/i.exec(String(value ?? '').slice(0, 100)) ?? [];
  return parseQuantity(`${amount}${unit === 'K' ? 'k' : unit}`) ?? 0;
}

/** convertQuantity gives a quantity in another unit. */
export function convertQuantity(value: unknown, unit: string): number {
  const factor = Object.hasOwn(quantityFactors, unit) ? (quantityFactors[unit] ?? 1) : 1;
  return readQuantity(value) / factor;
}

/** humanBytes picks the unit in which a number of bytes is short. */
export function humanBytes(bytes: number): { readonly amount: number; readonly unit: string } {
  const units = ['', 'K', 'M', 'G', 'T', 'P'];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.abs(bytes) || 1) / 3)));
  return { amount: bytes / 1000 ** power, unit: units[power] ?? '' };
}
