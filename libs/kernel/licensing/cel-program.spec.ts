import { describe, expect, it } from 'vitest';
import { compileExpression } from './cel-program.js';
import { change, fault, input, test } from './test/cel-sight.js';

describe('compileExpression', () => {
  it('sees every variable as it is documented', () => {
    for (const when of [
      'licence.id == "lic_1" && licence.state == "active" && licence.trial && !licence.perpetual',
      'licence.starts_at == timestamp("1970-01-01T00:00:01Z") && licence.expires_at == timestamp("1970-01-01T00:00:10Z")',
      'licence.full_until == timestamp("1970-01-01T00:00:15Z") && licence.ends_at == timestamp("1970-01-01T00:00:20Z")',
      'plan.slug == "pro" && plan.entitlements.sso == true && plan.entitlements.seats == 5 && plan.limits.installsMax == 2',
      'plan.limits.seats.users == 3 && plan.limits["seats"]["users"] >= 3',
      'customer.id == "cust_1" && customer.name == "ÄCME Ltd"',
      'install.id == "inst_1" && install.cluster_id == "clu_1" && install.namespace == "prod"',
      'version == "1.2.0" && channel == "stable"',
      'request.method == "GET" && request.path == "/api/Status" && request.route_class == "read" && request.address == "10.0.0.7"',
      'now == timestamp("1970-01-01T00:00:05Z")',
    ])
      expect([when, test(when)]).toEqual([when, true]);
  });

  it('shows what is not there as empty, and never as the year 9000', () => {
    const { install, channel, ...bare } = input;
    const open = { ...bare, licence: { ...bare.licence, expiresAtMs: undefined, trial: false } };
    for (const when of [
      'install.id == "" && install.cluster_id == "" && install.namespace == "" && channel == ""',
      'licence.perpetual && licence.expires_at == timestamp("9000-01-01T00:00:00Z") && licence.ends_at == licence.expires_at && licence.full_until == licence.ends_at',
    ])
      expect([when, test(when, 5_000, open)]).toEqual([when, true]);
  });

  it('has the functions that are documented', () => {
    for (const when of [
      'request.path.startsWith("/api") && request.path.endsWith("us") && request.path.contains("Stat")',
      'request.path.lowerAscii() == "/api/status" && customer.name.lowerAscii() == "Äcme ltd"',
      'request.path.matches("^/api/[A-Z]") && !request.path.matches("^api")',
      'request.address.inCidr("10.0.0.0/8") && !request.address.inCidr("10.0.0.8")',
      'request.address.inCidr(plan.entitlements.office)',
      '["11.0.0.0/8", "10.0.0.0/24"].exists(net, request.address.inCidr(net))',
      '!["11.0.0.0/8", "10.0.0.0/24"].all(net, request.address.inCidr(net))',
      '["11.0.0.0/8", "10.0.0.0/24"].exists_one(net, request.address.inCidr(net))',
      'timestamp("1970-01-01T00:00:05+00:00") == now && timestamp(plan.entitlements.until) > now',
      'now + duration("2s") == timestamp(plan.entitlements.until) && duration("2s") + now > now && now - duration("1h") < now',
      'now - licence.starts_at == duration("4s") && duration("1m") + duration("60s") == duration("2m")',
      'timestamp("1970-01-01T00:00:05Z") + duration("1s") > now && licence.starts_at + duration("4s") == now',
      'size(version) == 5 && version.size() == 5 && size([1, 2]) == 2 && [1].size() == 1 && size(plan.entitlements) == 5',
      'has(plan.entitlements.sso) && !has(plan.entitlements.nothing) && has(licence.id)',
      '"sso" in plan.entitlements && !("x" in plan.entitlements) && version in ["1.2.0"]',
      'now.getFullYear() == 1970 && now.getMonth() == 0 && now.getDate() == 1 && now.getDayOfMonth() == 0 && now.getDayOfWeek() == 4 && now.getDayOfYear() == 0',
      'now.getHours() == 0 && now.getMinutes() == 0 && now.getSeconds() == 5 && now.getMilliseconds() == 0',
      'now.getHours("+05:30") == 5 && now.getMinutes("+05:30") == 30 && now.getDate("-01:00") == 31 && now.getFullYear("America/New_York") == 1969',
      '1 + 2 * 3 == 7 && 7 % 4 == 3 && 7 / 2 == 3 && 1.5 - 0.5 == 1.0 && -1 < 0 && [1, 2][1] == 2',
      '[1, 2].exists(a, [2, 3].exists(b, a == b))',
      'licence.trial ? true : false',
      '[1, "a", true].exists(x, x == "a")',
    ])
      expect([when, test(when)]).toEqual([when, true]);
  });

  it('fails, and never guesses, when a value is missing or of another type', () => {
    for (const when of [
      'plan.entitlements.nothing == 1',
      'plan.entitlements.region < 5',
      'plan.entitlements.seats + 1 > 5',
      'plan.entitlements.region && true',
      'request.path.inCidr("10.0.0.0/8")',
      'request.address.inCidr(plan.entitlements.region)',
      'request.address.inCidr(plan.entitlements.seats)',
      'timestamp(plan.entitlements.region) < now',
      '1 / 0 == 1',
      '[1][1] == 1',
      '9223372036854775807 + 1 > 0',
    ])
      expect(() => test(when), when).toThrow();
    expect(test('true || plan.entitlements.nothing == 1') && test('plan.entitlements.nothing == 1 || true')).toBe(true);
  });

  it.each<[string, string, number]>([
    ['', 'Unexpected token: EOF', 0],
    ['plan.slug ==', 'Unexpected token: EOF', 12],
    ['plan.slug', 'The expression must be of type bool; it is of type string.', 0],
    ['plan.entitlements.sso', 'The expression must be of type bool; it is of type dyn.', 0],
    ['true && plan.slug == 1', 'no such overload: string == int', 8],
    ['now > 5', 'no such overload: Timestamp > int', 0],
    ['true || planet.slug == "x"', 'There is no variable "planet".', 8],
    ['int == int', 'There is no variable "int".', 0],
    ['google.protobuf == 1', 'There is no variable "google".', 0],
    ['true && plan.owner == "x"', '"plan" has no field "owner".', 8],
    ['has(request.body)', '"request" has no field "body".', 4],
    ['request["body"] == "x"', 'No such key: body', 0],
    ['version.x == "1"', "Cannot index type 'string'", 8],
    ['type(version) == string', 'There is no function "type".', 0],
    ['nm_timestamp("2026-01-01T00:00:00Z") < now', 'There is no function "nm_timestamp".', 0],
    ['size() == 1', 'There is no function "size" with 0 arguments.', 0],
    ['size(version, version) == 1', 'There is no function "size" with 2 arguments.', 0],
    ['version.split(".") == []', 'There is no method "split".', 0],
    ['version.nm_matches("a")', 'There is no method "nm_matches".', 0],
    ['version.trim() == ""', 'There is no method "trim" with 0 arguments.', 0],
    ['version.startsWith() == true', 'There is no method "startsWith" with 0 arguments.', 0],
    ['version.startsWith("a", "b")', 'There is no method "startsWith" with 2 arguments.', 0],
    ['version.getHours() == 1', "found no matching overload for 'string.getHours()'", 0],
    ['version.inCidr(5)', "found no matching overload for 'string.inCidr(int)'", 0],
    ['now.matches("a")', "found no matching overload for 'Timestamp.matches(Pattern)'", 0],
    ['version.matches(channel)', 'matches() takes a literal pattern.', 16],
    ['version.matches("(")', 'The pattern is not valid: error parsing regexp: missing closing ): `(`.', 16],
    ['now.getHours(channel) == 1', 'getHours() takes a literal time zone.', 13],
    ['now.getHours("Mars") == 1', 'There is no time zone "Mars".', 13],
    [
      'request.address.inCidr("10.0.0.0/99")',
      '"10.0.0.0/99" is not an address block like "10.0.0.0/8" or "2001:db8::/32".',
      23,
    ],
    [
      '["::/0", "x"].exists(n, request.address.inCidr(n))',
      '"x" is not an address block like "10.0.0.0/8" or "2001:db8::/32".',
      9,
    ],
    ['[1].exists(n, request.address.inCidr(n))', '"" is not an address block like "10.0.0.0/8" or "2001:db8::/32".', 1],
    [
      'timestamp("yesterday") < now',
      'timestamp() takes an instant like "2026-01-31T00:00:00Z" or "2026-01-31T09:30:00+02:00".',
      10,
    ],
    [
      'duration("1d") < duration("1h")',
      'duration() takes a literal of whole hours, minutes and seconds, like "72h" or "1h30m".',
      9,
    ],
    [
      'duration(version) < duration("1h")',
      'duration() takes a literal of whole hours, minutes and seconds, like "72h" or "1h30m".',
      9,
    ],
    ['plan.entitlements.exists(k, k == "a")', 'exists() goes through a list that is written out, like ["a", "b"].', 0],
    ['[1].map(x, x) == [1]', 'There is no method "map" with 2 arguments.', 0],
    ['[1].exists(now, true)', 'The name "now" is taken.', 11],
    ['[1].exists(x, [1].exists(x, true))', 'The name "x" is taken.', 25],
    [
      '[1].exists(x, [1].exists(y, [1].exists(z, true)))',
      'At most 2 of exists(), all() and exists_one() within each other.',
      28,
    ],
    ['[1].exists(x, true) && x == 1', 'There is no variable "x".', 23],
    ['null == null', 'Only strings, ints, doubles, bools and lists can be written in access rules.', 0],
    ['1u == 1u', 'Only strings, ints, doubles, bools and lists can be written in access rules.', 0],
    ['b"a" == b"a"', 'Only strings, ints, doubles, bools and lists can be written in access rules.', 0],
    ['{} == {}', 'Maps and optional values are not available in access rules.', 0],
    ['true ? 1 : "a"', "Ternary branches must have the same type, got 'int' and 'string'", 0],
  ])('refuses %s', (when, message, offset) => {
    expect(fault(when)).toEqual([message, offset]);
  });

  it('bounds size, depth and cost', () => {
    const many = (n: number) => Array.from({ length: n }, () => 'true').join(' || ');
    expect(test(many(250))).toBe(true);
    expect(fault(many(251))[0]).toBe('Exceeded maxAstNodes (500)');
    expect(fault(`${'('.repeat(30)}true${')'.repeat(30)}`)[0]).toBe('Exceeded maxDepth (24)');
    expect(test(`${'('.repeat(20)}true${')'.repeat(20)}`)).toBe(true);
    const list = (n: number) => `[${Array.from({ length: n }, (_, i) => i).join()}]`;
    expect(test(`${list(100)}.exists(x, x == 99)`)).toBe(true);
    expect(fault(`${list(101)}.exists(x, x == 99)`)[0]).toBe('Exceeded maxListElements (100)');
    expect(fault(`${list(45)}.exists(x, ${list(45)}.exists(y, x == y))`)).toEqual([
      'The expression may cost 8237 units; at most 2000 are allowed.',
      0,
    ]);
  });

  it.each<[string, number]>([
    ['true', 1],
    ['!true', 2],
    ['true && licence.trial', 4],
    ['-1 < 0', 4],
    ['true ? true : false', 4],
    ['version in ["a", "b"]', 5],
    ['version.startsWith("a")', 4],
    ['version.size() == 1', 4],
    ['size(version) == 1', 4],
    ['has(plan.entitlements.a)', 4],
    ['version.lowerAscii() == "a"', 6],
    ['version.matches("a")', 102],
    ['version.inCidr("::")', 12],
    ['version.inCidr(channel)', 22],
    ['now.getHours() == 1', 6],
    ['now.getHours("UTC") == 1', 54],
    ['now < timestamp("2026-01-01T00:00:00Z")', 6],
    ['duration("1s") < duration("2s")', 5],
    ['[1, 2].exists(x, x == 1)', 10],
    ['[1, 2].all(x, [1, 2, 3].exists_one(y, x == y))', 32],
  ])('counts the cost of %s as %i', (when, cost) => {
    expect(compileExpression(when).cost).toBe(cost);
  });

  it('costs up to the bound', () => {
    const matches = (n: number) => Array.from({ length: n }, () => 'version.matches("a")').join(' && ');
    expect(compileExpression(matches(19)).cost).toBe(1_956);
    expect(compileExpression(`${matches(19)} && ${Array.from({ length: 22 }, () => 'true').join(' && ')}`).cost).toBe(
      2_000,
    );
    expect(fault(`${matches(19)} && ${Array.from({ length: 22 }, () => 'true').join(' && ')} && !true`)[0]).toMatch(
      /^The expression may cost 2003/,
    );
  });

  it('knows whether it reads the request', () => {
    for (const [when, reads] of [
      ['plan.slug == "request"', false],
      ['now < licence.ends_at', false],
      ['request.method == "GET"', true],
      ['[1].exists(x, request.path == "")', true],
      ['true ? true : !(request["path"] == "")', true],
      ['version.startsWith(request.path)', true],
    ] as const)
      expect([when, compileExpression(when).readsRequest]).toEqual([when, reads]);
  });

  it('knows whether its answer is good for one path only', () => {
    for (const [when, reads] of [
      ['plan.slug == "request"', false],
      ['request.method == "GET"', false],
      ['request.route_class == "read" && request.address == "::1"', false],
      ['request.path == "/"', true],
      ['request.method == "GET" || [1].exists(x, request.path == "")', true],
      ['request["path"] == ""', true],
      ['request["method"] == ""', true],
      ['has(request.method)', false],
      ['has(request.path)', true],
      ['version.startsWith(request.path)', true],
    ] as const)
      expect([when, compileExpression(when).readsPath]).toEqual([when, reads]);
  });
});

describe('nextChangeMs', () => {
  it.each<[string, number, number]>([
    ['licence.trial', 5_000, Infinity],
    ['version.startsWith("now")', 5_000, Infinity],
    ['now < licence.expires_at', 9_999, 10_000],
    ['now < licence.expires_at', 10_000, Infinity],
    ['now >= licence.expires_at', 5_000, 10_000],
    ['now <= licence.expires_at', 10_000, 10_001],
    ['now <= licence.expires_at', 10_001, Infinity],
    ['now > licence.expires_at', 5_000, 10_001],
    ['now == licence.expires_at', 5_000, 10_000],
    ['now == licence.expires_at', 10_000, 10_001],
    ['now != licence.expires_at', 5_000, 10_000],
    ['licence.expires_at > now', 5_000, 10_000],
    ['licence.expires_at <= now', 5_000, 10_000],
    ['licence.expires_at >= now', 5_000, 10_001],
    ['licence.expires_at < now', 5_000, 10_001],
    ['licence.expires_at == now', 10_000, 10_001],
    ['now + duration("2s") < licence.expires_at', 5_000, 8_000],
    ['duration("2s") + now < licence.expires_at', 5_000, 8_000],
    ['now - duration("2s") < licence.expires_at', 5_000, 12_000],
    ['now - licence.starts_at > duration("6s")', 5_000, 7_000],
    ['now - licence.starts_at > duration("6s")', 7_000, 7_001],
    ['licence.expires_at - now < duration("3s")', 5_000, 7_000],
    ['duration("3s") > licence.expires_at - now', 5_000, 7_000],
    ['duration("3s") > licence.expires_at - now', 7_001, Infinity],
    ['now < licence.expires_at || now < licence.starts_at', 500, 1_000],
    ['!(now < licence.expires_at) && true', 5_000, 10_000],
    ['licence.trial ? now < licence.expires_at : true', 5_000, 10_000],
    ['now < timestamp(plan.entitlements.until)', 5_000, 7_000],
    ['now < timestamp(plan.entitlements.region)', 5_000, Infinity],
    ['now < timestamp(plan.entitlements.nothing)', 5_000, Infinity],
    ['now < plan.entitlements.seats', 5_000, Infinity],
    ['now.getHours() == 1', 5_000, 60_000],
    ['now.getMinutes("Europe/Berlin") == 1', 60_000, 120_000],
    ['now.getDayOfWeek() in [1, 2]', 5_000, 60_000],
    ['now.getSeconds() == 1', 5_000, 6_000],
    ['now.getMilliseconds() == 1', 5_000, 5_001],
    ['licence.ends_at.getHours() == 1', 5_000, Infinity],
    ['(now + duration("1s")).getHours() == 1', 5_000, 5_001],
    ['now < now + duration("1s")', 5_000, 5_001],
    ['now - now < duration("1s")', 5_000, 5_001],
    ['licence.expires_at - (now - duration("1s")) < duration("1s")', 5_000, 5_001],
    ['(now - duration("1s")) + duration("1s") < licence.ends_at', 5_000, 5_001],
    ['[now].exists(x, x < licence.ends_at)', 5_000, 5_001],
    ['[licence.ends_at].exists(x, now < x)', 5_000, 5_001],
    ['now in [licence.ends_at]', 5_000, 5_001],
  ])('%s, at %i: %s', (when, nowMs, next) => {
    expect(change(when, nowMs)).toBe(next);
  });

  it('compiles a time that is compared with a sum in brackets', () => {
    const when = 'now < timestamp("1970-01-01T00:00:20Z") - (timestamp("1970-01-01T00:00:20Z") - licence.expires_at)';
    expect([test(when, 9_999), test(when, 10_000)]).toEqual([true, false]);
    expect(change(when, 5_000)).toBeGreaterThan(5_000);
    expect(change(when, 5_000)).toBeLessThanOrEqual(10_000);
  });

  it('reads a plan that has a field named constructor', () => {
    const plan = { ...input.plan, entitlements: { constructor: 1, sso: true }, limits: { constructor: 2 } };
    for (const when of [
      'plan.entitlements.constructor == 1 && plan.limits["constructor"] == 2 && plan.entitlements.sso == true',
      'has(plan.entitlements.constructor) && "constructor" in plan.limits && plan.entitlements.size() == 2',
      '!has(plan.entitlements.gone) && !("gone" in plan.limits)',
    ])
      expect([when, test(when, 5_000, { ...input, plan })]).toEqual([when, true]);
  });

  it('fails when it asks for a field of what is no map', () => {
    expect(test('has(plan.limits.seats.users) && !has(plan.limits.seats.gone) && has(licence.id)')).toBe(true);
    for (const when of [
      'has(plan.entitlements.seats.users)',
      'has(plan.entitlements.gone.users)',
      'has(plan.entitlements.region.size)',
      'has(licence.id.length)',
    ])
      expect(() => test(when), when).toThrow();
    const limits = { list: ['a'], none: null, map: { a: 1 } };
    const ask = (when: string) => test(when, 5_000, { ...input, plan: { ...input.plan, limits } });
    expect([ask('has(plan.limits.map.a)'), ask('has(plan.limits.map.b)')]).toEqual([true, false]);
    for (const when of ['has(plan.limits.list.length)', 'has(plan.limits.none.a)'])
      expect(() => ask(when), when).toThrow('has() asks maps');
    expect(fault('has(plan.entitlements["sso"])')).toEqual([
      'has() asks for a field, like has(plan.entitlements.sso).',
      4,
    ]);
  });
});
