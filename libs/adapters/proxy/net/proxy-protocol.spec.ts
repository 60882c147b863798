import { describe, expect, it } from 'vitest';
import { parseProxyHeader } from './proxy-protocol.js';

const header = (versionAndCommand: number, family: number, rest: Buffer, length = rest.length): Buffer =>
  Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.from([versionAndCommand, family, length >> 8, length & 255]),
    rest,
  ]);
const v4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0x1f, 0x90, 0, 80]);
const v6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(20)]);

describe('parseProxyHeader', () => {
  it.each([
    ['IPv4', header(0x21, 0x11, v4), '192.0.2.7'],
    ['IPv6', header(0x21, 0x21, v6), '2001:db8:0:0:0:0:0:1'],
    ['IPv4 with extensions', header(0x21, 0x11, Buffer.concat([v4, Buffer.alloc(9)])), '192.0.2.7'],
    [
      'IPv4 with as many extensions as may be',
      header(0x21, 0x12, Buffer.concat([v4, Buffer.alloc(2_036)])),
      '192.0.2.7',
    ],
    ['LOCAL of a balancer that names itself', header(0x20, 0x11, v4), undefined],
    ['a family that is not said', header(0x21, 0x00, Buffer.alloc(0)), undefined],
    ['LOCAL', header(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['UNIX', header(0x21, 0x31, Buffer.alloc(216)), undefined],
  ])('reads %s, at every split', (_name, bytes, address) => {
    for (let length = 0; length < bytes.length; length++)
      expect(parseProxyHeader(bytes.subarray(0, length)).end).toBe(0);
    const found = parseProxyHeader(Buffer.concat([bytes, Buffer.from('GET ')]));
    expect(found.end).toBe(bytes.length);
    expect(found.address).toBe(address);
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['version 1', Buffer.from('PROXY TCP4 1.2.3.4')],
    ['version 3', header(0x31, 0x11, v4)],
    ['an unknown command', header(0x22, 0x11, v4)],
    ['a short IPv4', header(0x21, 0x11, v4.subarray(0, 8))],
    ['a short IPv6', header(0x21, 0x21, v4)],
    ['a huge length', header(0x21, 0x11, v4, 60_000)],
    ['a length above the bound', header(0x21, 0x11, v4, 2_049)],
    ['an IPv4 that is short by a byte', header(0x21, 0x11, v4.subarray(0, 11))],
    ['an IPv6 that is short by a byte', header(0x21, 0x21, v6.subarray(0, 35))],
    ['the signature but for its last byte', Buffer.from('\r\n\r\n\0\r\nQUIT\r', 'latin1')],
  ])('refuses %s', (_name, bytes) => {
    expect(parseProxyHeader(bytes).end).toBe(-1);
  });
});
