import { coerceAll } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';

/**
 * readBody reads what KAMA clients send: JSON, or JSON inside of a JSON string (so it arrives through the service proxy of a cluster). Text that is
 * written like a number or a truth value becomes one, as the protocol has it. @throws Fault malformed_json, invalid_body
 */
export function readBody(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  const once = parse(text);
  const value = typeof once === 'string' ? parse(once) : once;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Fault('invalid_body', { public: 'The body must be a JSON object.' });
  return coerceAll(value) as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault('malformed_json', { cause });
  }
}
