import { describe, expect, it } from 'vitest';
import { directFrom, TrustedPeers } from './trusted-peers.js';

const peers = new TrustedPeers(['10.0.0.0/8', '::1', '192.0.2.1']);
const clientOf = (peer: string, fields: Record<string, string>) =>
  peers.clientOf(directFrom(peer), (name) => fields[name]);

describe('TrustedPeers', () => {
  it.each([
    ['a stranger’s word', '203.0.113.9', { 'x-forwarded-for': '1.2.3.4' }, '203.0.113.9', 'http'],
    ['a stranger’s Forwarded', '203.0.113.9', { forwarded: 'for=1.2.3.4;proto=https' }, '203.0.113.9', 'http'],
    ['nothing said', '10.0.0.1', {}, '10.0.0.1', 'http'],
    ['one hop', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' }, '1.2.3.4', 'https'],
    ['what a client made up before', '10.0.0.1', { 'x-forwarded-for': '9.9.9.9, 1.2.3.4' }, '1.2.3.4', 'http'],
    ['two of our own', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4, 10.1.1.1' }, '1.2.3.4', 'http'],
    ['only our own', '10.0.0.1', { 'x-forwarded-for': '10.1.1.1' }, '10.1.1.1', 'http'],
    [
      'Forwarded before the other',
      '10.0.0.1',
      { forwarded: 'for=1.2.3.4', 'x-forwarded-for': '5.5.5.5' },
      '1.2.3.4',
      'http',
    ],
    ['a quoted IPv6 with a port', '::1', { forwarded: 'for="[2001:db8::1]:4711";proto=https' }, '2001:db8::1', 'https'],
    ['a port', '192.0.2.1', { 'x-forwarded-for': '1.2.3.4:99' }, '1.2.3.4', 'http'],
    ['an obfuscated name', '10.0.0.1', { forwarded: 'for=9.9.9.9, for=_hidden' }, '10.0.0.1', 'http'],
    ['rubbish', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4, <script>' }, '10.0.0.1', 'http'],
  ] as const)('reads %s', (_name, peer, fields, address, scheme) => {
    expect(clientOf(peer, fields)).toEqual({ address, scheme });
  });

  it.each(['10.0.0.0/33', 'example.com', '10.0.0.0/x', '::/129'])('refuses %s', (range) => {
    expect(() => new TrustedPeers([range])).toThrow(/config_invalid/);
  });
});
