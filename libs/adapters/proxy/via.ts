import { Fault } from '@nm/kernel/fault';

/** Proxies that a request may have passed; more is a loop of others, or a chain that nobody wants. */
export const viaHopsMax = 20;

/**
 * viaFault reads what `Via` tells of a request's way (RFC 9110 §7.6.3): it must not have passed an installation of this name, nor too many proxies at all.
 * Another installation has another name, so two in a row are no loop.
 * @param value of all `Via` fields, joined by commas
 */
export function viaFault(value: string, pseudonym: string): Fault | undefined {
  let hops = 0;
  for (const element of withoutComments(value).split(',')) {
    const [protocol, receivedBy] = element.trim().split(/[ \t]+/);
    if (!protocol) continue;
    hops++;
    if (receivedBy?.toLowerCase() === pseudonym) return new Fault('loop_detected');
  }
  if (hops <= viaHopsMax) return undefined;
  return new Fault('loop_detected', { public: `The request passed more than ${viaHopsMax} proxies on its way here.` });
}

/** Comments nest, and a backslash takes the next character as it is (RFC 9110 §5.6.5). */
function withoutComments(value: string): string {
  if (!value.includes('(')) return value;
  let text = '';
  let depth = 0;
  for (let i = 0; i < value.length; i++) {
    const char = value[i] as string;
    if (char === '(') depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (char === '\\' && depth > 0) i++;
    else if (depth === 0) text += char;
  }
  return text;
}
