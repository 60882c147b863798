import { isIP } from 'node:net';

const isText = (value: unknown): value is string => typeof value === 'string';
const isWhole = (value: unknown): boolean =>
  typeof value === 'number' ? Number.isInteger(value) : isText(value) && /^[+-]?\d{1,30}$/.test(value);
const isNumber = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : isText(value) && /^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})$/.test(value);
const notNegative = (value: unknown): boolean => Number(value) >= 0;

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const isDomain = (value: unknown): boolean => {
  if (!isText(value) || value.length > 253) return false;
  const labels = value.split('.');
  return labels.length > 1 && labels.every((each) => label.test(each)) && /^[a-z]/i.test(labels.at(-1) ?? '');
};
const isEmail = (value: unknown): boolean => {
  if (!isText(value) || value.length > 254) return false;
  const at = value.lastIndexOf('@');
  return at > 0 && at <= 64 && /^[\w.!#$%&'*+/=?^`{|}~-]+$/.test(value.slice(0, at)) && isDomain(value.slice(at + 1));
};
const isUrl = (value: unknown): boolean =>
  isText(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
/** At least eight characters, with a digit, a capital, a small letter and a symbol. */
const isPassword = (value: unknown): boolean =>
  isText(value) &&
  value.length >= 8 &&
  [/\d/, /[A-Z]/, /[a-z]/, /[ !#$%&'()*+,\-./[\\\]^_`{|}~"]/].every((need) => need.test(value));

const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  integer: isWhole,
  int: isWhole,
  number: isNumber,
  'positive-integer': (value) => isWhole(value) && notNegative(value),
  'positive-number': (value) => isNumber(value) && notNegative(value),
  boolean: (value) => typeof value === 'boolean' || (isText(value) && /^(true|false)$/i.test(value)),
  bool: (value) => typeof value === 'boolean' || (isText(value) && /^(true|false)$/i.test(value)),
  email: isEmail,
  domain: isDomain,
  path: (value) => isText(value) && /^\/[/.a-zA-Z0-9-]*$/.test(value),
  password: isPassword,
  url: isUrl,
  ip: (value) => isText(value) && isIP(value) > 0,
  'kubernetes-name': (value) => isText(value) && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value),
  quantity: (value) => isNumber(value) || (isText(value) && /^\d{1,18}(\.\d{1,9})?(m|[kMGTPE]i?|Ki)?$/.test(value)),
};

/** formatNames are the formats that a FormatPredicate knows. */
export const formatNames: readonly string[] = Object.keys(tests);

/** hasFormat tells whether a value has a format; an unknown format has none. */
export const hasFormat = (format: unknown, value: unknown): boolean =>
  typeof format === 'string' && Object.hasOwn(tests, format) && value !== null && value !== undefined
    ? (tests[format]?.(value) ?? false)
    : false;
