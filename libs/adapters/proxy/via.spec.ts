import { describe, expect, it } from 'vitest';
import { viaFault, viaHopsMax } from './via.js';

const own = 'nmachine-0123abcd';
const code = (value: string): string | undefined => viaFault(value, own)?.code;

describe('viaFault', () => {
  it.each([
    `1.1 ${own}`,
    `1.0 fred, 1.1 ${own}`,
    `1.1 ${own}, 1.1 p.example.net`,
    `HTTP/1.1\t${own.toUpperCase()} (gateway)`,
    `1.1 a (x, 1.1 b (nested\\) ), y), 1.1 ${own}`,
    `,, 1.1   ${own}`,
    `1.1 a\\, 1.1 ${own} (b)`,
    `1.1 a) (b), 1.1 ${own}`,
  ])('sees that %j has been here', (value) => {
    expect(code(value)).toBe('loop_detected');
  });

  it.each([
    '',
    ' , ,',
    '1.1 nmachine',
    '1.1 nmachine-ffffffff, 1.1 nmachine-00000000',
    `1.1 ${own}.example.net, 1.1 x${own}, ${own}`,
    `1.1 a (1.1 ${own}), 1.1 b (, 1.1 ${own}`,
    `1.1 a (\\), 1.1 ${own})`,
    `1.1 a (a comment, 1.1 ${own} , )`,
    `1.1 a (\\), 1.1 ${own} , )`,
    `1.1 a:${own}`,
  ])('lets %j pass', (value) => {
    expect(code(value)).toBeUndefined();
  });

  it('bounds the length of a chain', () => {
    const chain = (hops: number) => Array.from({ length: hops }, (_, i) => `1.1 hop${i}`).join(', ');
    expect(code(`,${chain(viaHopsMax)}, ,`)).toBeUndefined();
    expect(viaFault(chain(viaHopsMax + 1), own)).toMatchObject({
      code: 'loop_detected',
      publicMessage: 'The request passed more than 20 proxies on its way here.',
    });
  });
});
