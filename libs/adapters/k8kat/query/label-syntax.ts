import { Fault } from '@nm/kernel/fault';

const namePart = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const prefixPart = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** checkLabelKey refuses what no object can have as a label's key, before the server does. @throws Fault invalid_query */
export function checkLabelKey(key: string): string {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const isFine = parts.length <= 2 && namePart.test(name) && (prefix === undefined || prefixPart.test(prefix));
  if (!isFine) throw new Fault('invalid_query', { public: `"${key}" cannot be the key of a label.` });
  return key;
}

/** checkLabelValue refuses what no label can have as value. @throws Fault invalid_query */
export function checkLabelValue(value: string): string {
  if (value !== '' && !namePart.test(value))
    throw new Fault('invalid_query', { public: `"${value}" cannot be the value of a label.` });
  return value;
}
