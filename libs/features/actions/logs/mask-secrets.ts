import type { RunPlan } from '@nm/kernel/contracts';
import { hideSecrets } from '../plan/hide-secrets.js';

/** Mask takes secrets out of a text. */
export type Mask = (text: string) => string;

export const masked = '•••';

/** Shorter values would take harmless words out of the log. */
const secretCharsMin = 6;

/** What looks like a secret wherever it stands. */
const patterns: readonly [RegExp, string][] = [
  [/\bnm[ltrai]_[A-Za-z0-9_]{20,}/g, masked],
  [/\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*/g, masked],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${masked}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, masked],
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/g, masked],
  [/\bgh[pousr]_[A-Za-z0-9]{30,}/g, masked],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+@/gi, `$1${masked}@`],
  [
    /\b([\w-]*(?:password|passwd|pwd|secret|token|api[_-]?key|credential)["']?\s*[:=]\s*["']?)[^\s"',;&]{3,}/gi,
    `$1${masked}`,
  ],
];

/** maskOf makes the mask of a run: the secret values of its plan, in plain and in base64, and whatever looks like a secret. */
export function maskOf(plan: RunPlan): Mask {
  const values = [...new Set(secretValues(plan))].sort((a, b) => b.length - a.length);
  return (text) => {
    let rest = text;
    for (const value of values) rest = rest.replaceAll(value, masked);
    for (const [pattern, instead] of patterns) rest = rest.replace(pattern, instead);
    return rest;
  };
}

/** maskDeep masks every text in a value. */
export function maskDeep(value: unknown, mask: Mask): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((each) => maskDeep(each, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskDeep(each, mask)]));
}

function secretValues(plan: RunPlan): string[] {
  const values: string[] = [];
  hideSecrets(plan, (value, encoded) => {
    values.push(...formsOf(encoded ? Buffer.from(value, 'base64').toString('utf8') : value));
  });
  return values;
}

/** A value, its lines (a log shows them one by one), and how Kubernetes shows it. */
function* formsOf(value: string): Generator<string> {
  for (const form of [value, ...value.split('\n').map((line) => line.trim()), Buffer.from(value).toString('base64')])
    if (form.length >= secretCharsMin) yield form;
}
