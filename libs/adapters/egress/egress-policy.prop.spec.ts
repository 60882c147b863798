import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EgressPolicy } from './egress-policy.js';

const policy = new EgressPolicy();

/** Written apart from the code: first address and prefix length of what must stay closed (IANA special-purpose registry). */
const closedBlocks: readonly (readonly [readonly number[], number])[] = [
  [[0, 0, 0, 0], 8],
  [[10, 0, 0, 0], 8],
  [[100, 64, 0, 0], 10],
  [[127, 0, 0, 0], 8],
  [[169, 254, 0, 0], 16],
  [[172, 16, 0, 0], 12],
  [[192, 0, 0, 0], 24],
  [[192, 0, 2, 0], 24],
  [[192, 88, 99, 0], 24],
  [[192, 168, 0, 0], 16],
  [[198, 18, 0, 0], 15],
  [[198, 51, 100, 0], 24],
  [[203, 0, 113, 0], 24],
  [[224, 0, 0, 0], 4],
  [[240, 0, 0, 0], 4],
];

const toNumber = (octets: readonly number[]): number => octets.reduce((sum, octet) => sum * 256 + octet, 0);
const toOctets = (value: number): number[] => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
const closedAddress = fc
  .tuple(fc.constantFrom(...closedBlocks), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))
  .map(([[base, bits], part]) => toOctets(toNumber(base) + Math.floor(part * 2 ** (32 - bits))));

const hex = (octets: readonly number[]): string => octets.map((octet) => octet.toString(16).padStart(2, '0')).join('');
const groups = (octets: readonly number[]): string => `${hex(octets.slice(0, 2))}:${hex(octets.slice(2))}`;

/** Every way that we know to write one IPv4 address. */
const notations: readonly ((octets: readonly number[]) => string)[] = [
  (o) => o.join('.'),
  (o) => `${o.join('.')}.`,
  (o) => `${toNumber(o)}`,
  (o) => `0x${hex(o)}`,
  (o) => `0${toNumber(o).toString(8)}`,
  (o) => o.map((octet) => `0x${octet.toString(16)}`).join('.'),
  (o) => o.map((octet) => `0${octet.toString(8)}`).join('.'),
  (o) => `${o[0]}.${toNumber(o.slice(1))}`,
  (o) => `${o[0]}.${o[1]}.${toNumber(o.slice(2))}`,
  (o) => `::ffff:${o.join('.')}`,
  (o) => `::ffff:${groups(o)}`,
  (o) => `[::ffff:${groups(o)}]`,
  (o) => `0:0:0:0:0:ffff:${groups(o)}`,
  (o) => `::${o.join('.')}`,
  (o) => `::ffff:0:${o.join('.')}`,
  (o) => `64:ff9b::${o.join('.')}`,
  (o) => `64:ff9b:1::${groups(o)}`,
  (o) => `2002:${groups(o)}::1`,
  (o) => `2001:0:${groups(o)}::`,
  (o) => `2001::${groups(o.map((octet) => octet ^ 0xff))}`,
  (o) => `2606:4700::5efe:${groups(o)}`,
  (o) => `${o.join('.')}%eth0`,
];

const isDenied = (work: () => unknown): boolean => {
  try {
    work();
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === 'egress_denied';
  }
};

describe('EgressPolicy, on random addresses', () => {
  it('keeps a closed address closed however it is written, and as a URL parser reads it', () => {
    fc.assert(
      fc.property(closedAddress, fc.constantFrom(...notations), (octets, write) => {
        const text = write(octets);
        expect(
          isDenied(() => policy.checkHost(text)),
          text,
        ).toBe(true);
        for (const url of [`https://${text}/`, `https://[${text}]/`])
          if (URL.canParse(url))
            expect(
              isDenied(() => policy.checkHost(new URL(url).hostname)),
              url,
            ).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps it closed when it comes from a resolver, alone or among public ones', async () => {
    await fc.assert(
      fc.asyncProperty(closedAddress, fc.nat({ max: 3 }), async (octets, place) => {
        const answers = ['8.8.8.8', '1.1.1.1', '2606:4700::1'].map((address) => ({ address }));
        answers.splice(place, 0, { address: octets.join('.') });
        const resolving = new EgressPolicy({ resolve: async () => answers });
        await expect(resolving.resolveAndPin('example.com')).rejects.toMatchObject({ code: 'egress_denied' });
      }),
      { numRuns: 300 },
    );
  });

  it('lets exactly the rest of IPv4 through, apart from three relays and the metadata services', () => {
    const others = ['192.31.196.', '192.52.193.', '192.175.48.', '168.63.129.16'];
    const isClosed = (octets: readonly number[]): boolean =>
      closedBlocks.some(([base, bits]) => Math.floor((toNumber(octets) - toNumber(base)) / 2 ** (32 - bits)) === 0);
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), (value) => {
        const octets = toOctets(value);
        const text = octets.join('.');
        const closed = isClosed(octets) || others.some((prefix) => text.startsWith(prefix));
        expect(
          isDenied(() => policy.checkHost(text)),
          text,
        ).toBe(closed);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never lets any IPv6 address through that lies outside 2000::/3', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 }), (parts) => {
        if ((parts[0] ?? 0) >> 13 === 1) return;
        if (parts.slice(0, 5).every((part) => part === 0)) return;
        expect(isDenied(() => policy.checkHost(parts.map((part) => part.toString(16)).join(':')))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers any text with a checked address, a name or a refusal, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        if (isDenied(() => policy.checkHost(text))) return;
        expect(text).toMatch(/^[[\]a-z0-9._:-]+$/i);
      }),
      { numRuns: 2_000 },
    );
  });
});
