import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { simpleJq, TemplateWorkers } from './index.js';

// A thread compiles two engines before its first job, which takes a second on an idle machine.
vi.setConfig({ testTimeout: 180_000 });
const patient = 60_000;
const engine = new TemplateWorkers({ workersMax: 1, timeoutMs: patient, outputCharsMax: 100_000 });
afterAll(() => engine.close());
const code = (name: string) => expect.objectContaining({ code: name });

describe('jq', () => {
  it('gives the first output, or all of them, or null for none', async () => {
    const input = { a: [3, 1, 2] };
    expect(await engine.jq('.a[]', input)).toBe(3);
    expect(await engine.jq('.a | sort[]', input, { many: true })).toEqual([1, 2, 3]);
    expect(await engine.jq('empty', input)).toBeNull();
    expect(await engine.jq('.a[] # a remark', input)).toBe(3);
  });

  it('says what is wrong with a program, or with what it is given', async () => {
    await expect(engine.jq('.a | nonsense', {})).rejects.toEqual(code('template_failed'));
    await expect(engine.jq('.a.b', { a: 1 })).rejects.toThrow('Cannot index number');
  });

  it('sees neither our environment nor our files', async () => {
    expect(JSON.stringify(await engine.jq('$ENV, env', null, { many: true }))).not.toContain(process.cwd());
    await expect(engine.jq('import "/etc/passwd" as $x; $x', null)).rejects.toEqual(code('template_failed'));
    await expect(engine.jq('input', null)).rejects.toEqual(code('template_failed'));
  });

  it('refuses to put out too much', async () => {
    await expect(engine.jq('[range(100000)]', null)).rejects.toEqual(code('template_limit'));
  });
});

describe('Jinja', () => {
  it('renders values, loops and conditions', async () => {
    const template = '{% for item in items if item.on %}{{ item.name | upper }};{% endfor %}';
    const items = [
      { name: 'a', on: true },
      { name: 'b', on: false },
    ];
    expect(await engine.jinja(template, { items })).toBe('A;');
  });

  it.each([
    '{{ x.constructor }}',
    '{{ x.__proto__ }}',
    "{{ ''.__class__.__mro__ }}",
    '{{ [].constructor("return 1")() }}',
    '{{ process }}',
    '{{ require }}',
  ])('gives %s no way to code', async (template) => {
    const rendered = await engine.jinja(template, { x: { a: 1 } }).catch((error: unknown) => error);
    if (typeof rendered === 'string') expect(rendered).toBe('');
    else expect(rendered).toEqual(code('template_failed'));
  });

  it('reads no other template', async () => {
    await expect(engine.jinja('{% include "/etc/passwd" %}', {})).rejects.toEqual(code('template_failed'));
  });

  it('runs out of fuel before it runs for ever', async () => {
    const loop = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
    await expect(engine.jinja(loop, {})).rejects.toEqual(code('template_failed'));
  });
});

describe('a hostile program', () => {
  it('is stopped when it takes too long, and the next one runs', async () => {
    const hasty = new TemplateWorkers({ workersMax: 1, timeoutMs: 1_000 });
    try {
      await expect(hasty.jq('def f: f; f', null)).rejects.toEqual(code('template_limit'));
      await expect(hasty.jq('[limit(1e15; repeat(1))] | length', null)).rejects.toEqual(code('template_limit'));
      expect(await hasty.jq('1 + 1', null).catch(() => hasty.jq('1 + 1', null))).toBe(2);
    } finally {
      await hasty.close();
    }
  });

  it('cannot take more memory than it is allowed', async () => {
    await expect(engine.jq('reduce range(40) as $i ("12345678"; . + .) | length', null)).rejects.toMatchObject({
      code: expect.stringMatching(/^template_/) as string,
    });
    expect(await engine.jq('1 + 1', null)).toBe(2);
    const doubled =
      '{% set n = namespace(x="12345678") %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x | length }}';
    await expect(engine.jinja(doubled, {})).rejects.toMatchObject({
      code: expect.stringMatching(/^template_/) as string,
    });
    expect(await engine.jinja('{{ 1 + 1 }}', {})).toBe('2');
  });

  it.each([
    ['jq', 3_000_000, (it: TemplateWorkers) => it.jq('[range(3000000)] | length', null)],
    [
      'Jinja',
      8 * 2 ** 23,
      (it: TemplateWorkers) =>
        it.jinja(
          '{% set n = namespace(x="12345678") %}{% for i in range(23) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x | length }}',
          {},
        ),
    ],
  ])(
    'that needs 40 MiB and more is done by %s where there are so many, and stopped where there are not',
    async (_name, expected, run) => {
      const [roomy, narrow] = [1_024, 32].map(
        (memoryMib) => new TemplateWorkers({ workersMax: 1, timeoutMs: patient, memoryMib }),
      ) as [TemplateWorkers, TemplateWorkers];
      try {
        expect(Number(await run(roomy))).toBe(expected);
        await expect(run(narrow)).rejects.toMatchObject({ code: expect.stringMatching(/^template_/) as string });
      } finally {
        await Promise.all([roomy.close(), narrow.close()]);
      }
    },
  );

  it('is not even begun with more than may go in, or behind too many that wait', async () => {
    const small = new TemplateWorkers({ workersMax: 1, timeoutMs: patient, inputCharsMax: 100, waitingMax: 2 });
    try {
      await expect(small.jq('.', 'x'.repeat(200))).rejects.toMatchObject({
        ...{ code: 'template_limit', publicMessage: expect.stringContaining('more than 100 characters go in') },
      });
      const jobs = Array.from({ length: 5 }, () => small.jq('1', null, { tenant: 'one' }));
      const other = small.jq('2', null, { tenant: 'two' });
      const settled = await Promise.allSettled(jobs);
      const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as object] : []));
      expect(refused.length).toBeGreaterThan(0);
      for (const each of refused)
        expect(each).toMatchObject({ code: 'template_limit', publicMessage: expect.stringContaining('too many') });
      expect(settled.some(({ status }) => status === 'fulfilled')).toBe(true);
      expect(await other).toBe(2);
    } finally {
      await small.close();
    }
  });

  it('of one tenant does not keep another waiting for all its work', async () => {
    const done: string[] = [];
    const many = Array.from({ length: 12 }, () =>
      engine.jq('1', null, { tenant: 'greedy' }).then(() => done.push('greedy')),
    );
    await Promise.all([...many, engine.jq('1', null, { tenant: 'modest' }).then(() => done.push('modest'))]);
    expect(done.indexOf('modest')).toBeLessThan(4);
  });

  it('without an end never holds every thread, and its tenant pays for the time', async () => {
    const paid = new Map<string, number>();
    const onWorked = (tenant: string, ms: number) => void paid.set(tenant, (paid.get(tenant) ?? 0) + ms);
    const shared = new TemplateWorkers({ workersMax: 2, timeoutMs: 20_000, onWorked });
    try {
      await shared.jq('[.]', 1, { tenant: 'modest' });
      const endless = Array.from({ length: 3 }, () => shared.jq('def f: f; f', null, { tenant: 'hostile' }));
      const settled = Promise.allSettled(endless);
      for (let n = 0; n < 5; n += 1) expect(await shared.jq('. + 1', n, { tenant: 'modest' })).toBe(n + 1);
      expect(paid.get('hostile')).toBeUndefined();
      await shared.close();
      expect((await settled).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      expect(paid.get('hostile')).toBeGreaterThan(0);
    } finally {
      await shared.close();
    }
  });
});

const step = fc.constantFrom('.a', '.b', '.a.b', '[0]', '[-1]', '[]', '["a"]', '.a[0]', '.b[]');
const program = fc
  .tuple(
    fc.constantFrom('.', '.a', '.[0]', '.[]', '.["a"]'),
    fc.array(step, { maxLength: 3 }),
    fc.constantFrom('', ' | length'),
  )
  .map(([head, steps, tail]) => `${head === '.' && steps[0]?.startsWith('.') ? '' : head}${steps.join('')}${tail}`);
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 4 }));
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
}));

describe('simple programs', () => {
  it('mean what they mean to jq, errors included', async () => {
    const settle = async (work: () => unknown): Promise<unknown> => {
      try {
        return { value: await work() };
      } catch {
        return 'error';
      }
    };
    await fc.assert(
      fc.asyncProperty(program, json, async (text, value) => {
        const input = JSON.parse(JSON.stringify(value)) as unknown;
        const simple = simpleJq(text, input);
        expect(simple, text).toBeDefined();
        expect(await settle(() => [...(simpleJq(text, input) ?? [])]), text).toEqual(
          await settle(() => engine.jq(text, input, { many: true })),
        );
        expect(await settle(() => [...take(simpleJq(text, input))][0] ?? null), text).toEqual(
          await settle(() => engine.jq(text, input)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('are told from programs that only jq can run', () => {
    for (const text of ['.a?', '.a | .b, .c', '.[0:2]', '.a + 1', 'keys', '.. ', '.["\\(1)"]'])
      expect(simpleJq(text, {})).toBeUndefined();
  });
});

function* take(values: Iterable<unknown> | undefined): Generator<unknown> {
  for (const value of values ?? []) {
    yield value;
    return;
  }
}
