import { parts, rfc3339, zones } from './calendar.js';
import { bool, type Node, print, type Type, variable } from './expression.js';
import type { Random } from './random.js';
import type { Value } from './values.js';
import { addresses, blocks, entitlementKeys, limitKeys, seatKeys, strings } from './vocabulary.js';

/** What expressions are made from: a generator, and the instants that the licence has. */
export interface Ground {
  readonly random: Random;
  readonly instants: readonly number[];
}
interface Place extends Ground {
  readonly depth: number;
  readonly locals: readonly { readonly name: string; readonly type: Type }[];
  /** Loops around this place. */
  readonly loops: number;
}

const node = (op: string, type: Type, kids: readonly Node[], text?: string): Node => ({
  op,
  type,
  kids,
  ...(text === undefined ? {} : { text }),
});
const literal = (type: Type, text: string, value: Value): Node => ({
  op: text.startsWith('-') ? 'negative' : 'literal',
  type,
  kids: [],
  text,
  value,
});
const text = (value: string): Node => literal('string', quote(value), value);
const quote = (value: string) => JSON.stringify(value);
const named = (names: string, type: Type) => names.split(' ').map((name) => variable(name, type));

const variablesOf: Partial<Record<Type, readonly Node[]>> = {
  bool: named('licence.trial licence.perpetual', 'bool'),
  string: named(
    'licence.id licence.state plan.slug customer.id customer.name install.id install.cluster_id install.namespace version channel request.method request.path request.route_class request.address',
    'string',
  ),
  ts: named('now now now licence.starts_at licence.expires_at licence.full_until licence.ends_at', 'ts'),
};
const entitlements = variable('plan.entitlements', 'map');
const limits = variable('plan.limits', 'map');
const seats = node('field', 'dyn', [limits], 'seats');
const orders = ['<', '<=', '>', '>='];
const comparisons = ['==', '!=', ...orders];
const known: readonly Type[] = ['bool', 'string', 'int', 'double', 'ts', 'dur'];

type Make = (place: Place) => Node;
const inner = (place: Place): Place => ({ ...place, depth: place.depth - 1 });

const ints = [
  '0',
  '1',
  '2',
  '3',
  '5',
  '10',
  '24',
  '-1',
  '-7',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
];
const doubles = [
  '0.0',
  '1.0',
  '2.0',
  '2.5',
  '5.0',
  '10.0',
  '-1.0',
  '-0.5',
  '0.1',
  '1e3',
  '1e300',
  '9007199254740992.0',
];

const literals: Partial<Record<Type, Make>> = {
  bool: ({ random }) => bool(random.chance(50)),
  string: ({ random }) => text(random.pick(strings)),
  int: ({ random }) => {
    const written = random.chance(75) ? random.pick(ints.slice(0, 9)) : random.pick(ints);
    return literal('int', written, BigInt(written));
  },
  double: ({ random }) => {
    const written = random.pick(doubles);
    return literal('double', written, Number(written));
  },
  ts: ({ random, instants }) => {
    const instantMs = random.pick(instants) + random.pick([0, 0, 0, -1, 1, 1000, -3_600_000]);
    const written = rfc3339(instantMs, random.pick([0, 0, 0, 120, -330, 345]));
    return literal('ts', `timestamp(${quote(written)})`, { instantMs });
  },
  dur: ({ random }) => {
    let [written, spanMs] = ['', 0];
    for (let i = random.chance(70) ? 1 : 1 + random.below(6); i > 0; i--) {
      const [unit, unitMs] = random.pick([
        ['h', 3_600_000],
        ['m', 60_000],
        ['s', 1000],
      ] as const);
      const count = random.pick([0, 1, 2, 24, 336, 90, 999_999, random.below(100_000)]);
      written += `${count}${unit}`;
      spanMs += count * unitMs;
    }
    const minus = random.chance(20);
    return literal('dur', `duration("${minus ? '-' : ''}${written}")`, { spanMs: minus ? -spanMs : spanMs });
  },
};

const of =
  (type: Type): Make =>
  (place) =>
    make(type, place);
const binary =
  (ops: readonly string[], type: Type, left: Type, right: Type): Make =>
  (place) =>
    node(place.random.pick(ops), type, [make(left, inner(place)), make(right, inner(place))]);
const choice =
  (type: Type): Make =>
  (place) =>
    node('?:', type, [make('bool', inner(place)), make(type, inner(place)), make(type, inner(place))]);
const stringish = (place: Place) => make(place.random.chance(85) ? 'string' : 'dyn', place);

const member: Make = ({ random }) => {
  const [from, keys] = random.pick([
    [entitlements, entitlementKeys],
    [entitlements, entitlementKeys],
    [limits, limitKeys],
    [seats, seatKeys],
  ] as const);
  const key = random.pick(keys);
  return random.chance(60) ? node('field', 'dyn', [from], key) : node('index', 'dyn', [from, text(key)]);
};
const part: Make = (place) => {
  const name = place.random.pick(Object.keys(parts));
  if (place.random.chance(60)) return node(name, 'int', [make('ts', inner(place))]);
  // The oracle knows the zones since 2008 only, so no arithmetic here.
  const when = place.random.chance(80) ? place.random.pick(variablesOf.ts!) : literals.ts!(place);
  return node(name, 'int', [when], place.random.pick(Object.keys(zones)));
};
const listOf = (type: Type, place: Place): Node => {
  const length = 1 + place.random.below(4);
  return node(
    'list',
    'list',
    Array.from({ length }, () =>
      make(type, { ...place, depth: place.random.chance(85) ? 0 : Math.min(1, place.depth - 1) }),
    ),
  );
};
const among: Make = (place) => {
  const { random } = place;
  const type = random.pick(['string', 'string', 'int', 'double', 'ts'] as const);
  if (random.chance(20))
    return node('in', 'bool', [text(random.pick(entitlementKeys)), random.pick([entitlements, limits, seats])]);
  if (random.chance(15)) return node('in', 'bool', [make('string', inner(place)), random.pick([entitlements, limits])]);
  if (random.chance(5)) return node('in', 'bool', [make('string', inner(place)), make('dyn', place)]);
  return node('in', 'bool', [make(random.chance(75) ? type : 'dyn', inner(place)), listOf(type, place)]);
};
const loop: Make = (place) => {
  const type = place.random.pick(['string', 'string', 'int', 'double', 'bool'] as const);
  const name = ['x', 'net'][place.loops]!;
  const body = { ...inner(place), loops: place.loops + 1, locals: [...place.locals, { name, type }] };
  return node(
    place.random.pick(['exists', 'all', 'exists_one']),
    'bool',
    [listOf(type, place), make('bool', body)],
    name,
  );
};
const cidr: Make = (place) => {
  const { random } = place;
  const address = random.chance(75)
    ? variable('request.address', 'string')
    : random.chance(60)
      ? text(random.pick(addresses))
      : stringish(inner(place));
  const block = random.chance(75) ? text(random.pick(blocks)) : member(place);
  return node('inCidr', 'bool', [address, block]);
};
const patterns = ['^/api', 'a', 'v[0-9]+$', '^(GET|HEAD)$', '[^a-z]', '\\.', '^.{3,5}$', 'é|😀'];
const matches: Make = (place) => node('matches', 'bool', [stringish(inner(place)), text(place.random.pick(patterns))]);
const has: Make = ({ random }) => {
  const [from, keys] = random.pick([
    [entitlements, entitlementKeys],
    [limits, limitKeys],
    [seats, seatKeys],
  ] as const);
  return node('has', 'bool', [from], random.pick(keys));
};
const sameKind: Make = (place) => {
  const type = place.random.pick(known);
  // Whether durations and bools may be asked for equality and order is CEL's: both.
  return binary(comparisons, 'bool', type, type)(place);
};
const withDyn: Make = (place) => {
  const type = place.random.pick(['string', 'int', 'double', 'bool', 'dyn', 'ts'] as const);
  return place.random.chance(75)
    ? binary(comparisons, 'bool', 'dyn', type)(place)
    : binary(comparisons, 'bool', type, 'dyn')(place);
};
const logical: Make = (place) => {
  const side = () => make(place.random.chance(95) ? 'bool' : 'dyn', inner(place));
  return node(place.random.pick(['&&', '||']), 'bool', [side(), side()]);
};
const sizeOf: Make = (place) => {
  const what = place.random.pick([
    of('string'),
    of('dyn'),
    () => entitlements,
    () => limits,
    (at: Place) => listOf('string', at),
  ])(inner(place));
  return node(place.random.pick(['size()', '.size']), 'int', [what]);
};

const makers: Partial<Record<Type, readonly Make[]>> = {
  bool: [
    logical,
    logical,
    logical,
    sameKind,
    sameKind,
    withDyn,
    withDyn,
    withDyn,
    among,
    has,
    cidr,
    loop,
    matches,
    (place) => node('!', 'bool', [make(place.random.chance(95) ? 'bool' : 'dyn', inner(place))]),
    choice('bool'),
    binary(orders, 'bool', 'int', 'double'),
    // Comparisons of comparisons: how they group.
    binary(comparisons, 'bool', 'bool', 'bool'),
    (place) =>
      node(place.random.pick(['startsWith', 'endsWith', 'contains']), 'bool', [
        stringish(inner(place)),
        stringish(inner(place)),
      ]),
    binary(comparisons, 'bool', 'ts', 'ts'),
    (place) => node(place.random.pick(orders), 'bool', [variable('now'), literals.ts!(place)]),
  ],
  string: [
    of('string'),
    choice('string'),
    binary(['+'], 'string', 'string', 'string'),
    (place) => node('lowerAscii', 'string', [stringish(inner(place))]),
  ],
  int: [
    binary(['+', '-', '*', '/', '%'], 'int', 'int', 'int'),
    part,
    part,
    sizeOf,
    choice('int'),
    (place) => node('neg', 'int', [make('int', inner(place))]),
  ],
  double: [
    binary(['+', '-', '*', '/'], 'double', 'double', 'double'),
    binary(['+', '-', '*', '/'], 'double', 'dyn', 'double'),
    binary(['+', '-', '*', '/'], 'double', 'double', 'dyn'),
    choice('double'),
    (place) => node('neg', 'double', [make('double', inner(place))]),
  ],
  ts: [binary(['+', '-'], 'ts', 'ts', 'dur'), binary(['+'], 'ts', 'dur', 'ts'), choice('ts')],
  dur: [binary(['-'], 'dur', 'ts', 'ts'), binary(['+', '-'], 'dur', 'dur', 'dur'), choice('dur')],
};

function make(type: Type, place: Place): Node {
  const { random, depth, locals, loops } = place;
  const own = locals.filter((local) => local.type === type);
  if (own.length > 0 && random.chance(40)) return { op: 'local', type, kids: [], text: random.pick(own).name };
  if (type === 'dyn') return member(place);
  if (depth > 0 && (type === 'bool' || random.chance(35))) {
    const maker = random.pick(makers[type]!);
    return maker === of(type) || (maker === loop && loops === 2) ? make(type, inner(place)) : maker(place);
  }
  const variables = variablesOf[type];
  return variables && random.chance(60) ? random.pick(variables) : literals[type]!(place);
}

/** An expression of type bool, most of them small. */
export function expressionOf(ground: Ground): Node {
  const depth = ground.random.pick([1, 1, 2, 2, 2, 3, 3, 4, 5]);
  for (;;) {
    const made = make('bool', { ...ground, depth, locals: [], loops: 0 });
    if (print(made).length <= 2000) return made;
  }
}
