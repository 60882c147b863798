import type { Random } from './random.js';

/** The section "Route classes", its table word for word, as one regular expression for each line. */
const lines: readonly (readonly [methods: string, paths: readonly string[], routeClass: string])[] = [
  ['GET', ['/api/variables/populate-defaults', '/api/app/status'], 'mutate'],
  ['any', ['/api/operations/osts', '/api/telem/backends/**', '/api/telem/wipe'], 'admin'],
  [
    'GET',
    [
      '/api/releases/*/preview',
      '/api/releases/*/preview-variables',
      '/api/releases/*/preview-manifest',
      '/api/injections/latest/preview',
    ],
    'validate',
  ],
  ['POST', ['/api/operations/*/generate-ost', '/api/operations/*/eval-preflight'], 'validate'],
  [
    'POST',
    ['/api/operations/*', '/api/operations/*/stages/*'].flatMap((under) =>
      ['refresh', 'preview-chart-assignments', 'fields/*/validate'].map((what) => `${under}/steps/*/${what}`),
    ),
    'validate',
  ],
  [
    'POST',
    [
      '/api/variables/detail/*/validate',
      '/api/variables/detail/*/health_predicates/run',
      '/api/actions/run_predicates',
      '/api/app/run-installation-preflight',
    ],
    'validate',
  ],
  ['POST', ['/api/resources/columns', '/api/resources/query', '/api/app/presets'], 'read'],
  ['POST PATCH', ['/api/echo'], 'read'],
];

/** A NUL stands before each segment, and nowhere else: one that a segment holds is written as two other characters. */
const mark = '\0';
const inside = (segment: string): string => segment.replaceAll('\x01', '\x01\x01').replaceAll(mark, '\x01\x02');
const patternOf = (path: string): RegExp => {
  const parts = path.slice(1).split('/');
  const one = `[^${mark}]+`;
  const written = parts.map((part) => {
    if (part === '**') return `${mark}${one}(?:${mark}${one})*`;
    return mark + (part === '*' ? one : part.replaceAll('-', '\\-'));
  });
  return new RegExp(`^${written.join('')}$`, 's');
};

function decoded(segment: string): string | undefined {
  const octets: number[] = [];
  for (let i = 0; i < segment.length; i++) {
    if (segment[i] !== '%') {
      octets.push(...new TextEncoder().encode(segment[i]));
      continue;
    }
    const hex = segment.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) return undefined;
    octets.push(Number.parseInt(hex, 16));
    i += 2;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(octets));
  } catch {
    return undefined;
  }
}

/** classOf reads the section, line by line. */
export function classOf(method: string, path: string): string {
  const segments = path
    .split('/')
    .filter((segment) => segment.length > 0)
    .map(decoded);
  if (segments.includes(undefined)) return 'mutate';
  const text = segments.map((segment) => mark + inside(segment!)).join('');
  for (const [methods, paths, routeClass] of lines) {
    const isAsked = methods === 'any' || methods.split(' ').includes(method === 'HEAD' ? 'GET' : method);
    if (isAsked && paths.some((pattern) => patternOf(pattern).test(text))) return routeClass;
  }
  return ['GET', 'HEAD', 'OPTIONS'].includes(method) ? 'read' : 'mutate';
}

const odd = [
  'a',
  'osts',
  'o%31',
  '%6Fsts',
  '%',
  '%zz',
  '%e4',
  '%C3%A9',
  '%2F',
  '%00',
  'API',
  'preview',
  'latest',
  '%252F',
];

/** A method and a path on or next to a line of the table. */
export function routeOf(random: Random): readonly [method: string, path: string] {
  const { pick, chance, below } = random;
  const method = pick(['GET', 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'PUT', 'DELETE', 'get', 'TRACE']);
  const [, paths] = pick(lines);
  let parts = pick(paths)
    .slice(1)
    .split('/')
    .flatMap((part) => {
      if (part === '**') return Array.from({ length: below(4) }, () => pick(odd));
      return part === '*' || chance(4) ? [pick(odd)] : [part];
    });
  if (chance(15)) parts = parts.toSpliced(below(parts.length + 1), below(2), ...(chance(50) ? [pick(odd)] : []));
  if (chance(10)) parts = parts.map((part) => (chance(30) ? encoded(part) : part));
  return [method, `/${parts.join(chance(5) ? '//' : '/')}${chance(10) ? '/' : ''}`];
}

const encoded = (part: string): string => part.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
