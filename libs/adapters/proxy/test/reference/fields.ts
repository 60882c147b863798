import type { Octets } from './octets.js';
import { type Field, refuse } from './reading.js';

/** RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110 §5.5: VCHAR, obs-text, SP and HTAB; every other control character makes a value invalid. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

export const isToken = (text: string): boolean => token.test(text);

export const isFieldText = (text: string): boolean => fieldValue.test(text);

/**
 * readFields takes field lines up to the empty line (RFC 9112 §5).
 * §5.1: no white space between name and colon, answered with 400. §5.2: obs-fold is refused by a server outside message/http.
 */
export function readFields(octets: Octets): Field[] {
  const fields: Field[] = [];
  for (;;) {
    const line = octets.line();
    if (line === '') return fields;
    if (line.startsWith(' ') || line.startsWith('\t')) refuse('a field line begins with white space');
    const colon = line.indexOf(':');
    if (colon < 0) refuse('a field line has no colon');
    const name = line.slice(0, colon);
    if (!isToken(name)) refuse('a field name is no token');
    const value = line.slice(colon + 1);
    if (!isFieldText(value)) refuse('a field value holds a control character');
    fields.push({ name, value: value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '') });
  }
}

/** valuesOf gives the values of every field line of that name (RFC 9110 §5.1: names are case-insensitive). */
export const valuesOf = (fields: readonly Field[], lowerName: string): string[] =>
  fields.filter(({ name }) => name.toLowerCase() === lowerName).map(({ value }) => value);

/** tokensOf reads a #token list over all its lines (RFC 9110 §5.6.1.2: empty elements are ignored), in lower case. */
export function tokensOf(fields: readonly Field[], lowerName: string): string[] {
  const elements = valuesOf(fields, lowerName)
    .flatMap((value) => value.split(','))
    .map((element) => element.replace(/^[ \t]+/, '').replace(/[ \t]+$/, ''))
    .filter((element) => element !== '');
  for (const element of elements) if (!isToken(element)) refuse(`${lowerName} holds something else than tokens`);
  return elements.map((element) => element.toLowerCase());
}
