import { describe, expect, it } from 'vitest';
import { EgressPolicy } from './egress-policy.js';

/** Nothing of this may be dialled unless the operator allows it. */
const closed = `
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.64.0.1 100.127.255.255 127.0.0.0 127.0.0.1
127.0.1.1 127.1.2.3 127.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.1.1 192.168.255.255
192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 254.1.1.1 255.255.255.255
100.100.100.200 168.63.129.16
:: ::1 ::2 ::127.0.0.1 ::7f00:1 ::10.0.0.1 ::ffff:0.0.0.0 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:a9fe:a9fe
::ffff:169.254.169.254 ::ffff:192.168.1.1 0:0:0:0:0:ffff:7f00:1 ::ffff:0:127.0.0.1 64:ff9b::1 64:ff9b::7f00:1 64:ff9b::127.0.0.1
64:ff9b::8.8.8.8 64:ff9b:1::1 64:ff9b:1:ffff::10.0.0.1 100::1 100:0:0:1::1 1::1 400::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:3::1
2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:db8::1 2001:db8:ffff::1 2002::1 2002:7f00:1::1 2002:a00:1::1 2002:808:808::1
2620:4f:8000::1 3fff::1 4000::1 5f00::1 8000::1 c000::1 fc00::1 fd00::1 fd00:ec2::254 fdff:ffff::1 fe00::1 fe80::1 febf::1 fec0::1
ff00::1 ff02::1 ff05::2 ffff::1 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1
`
  .trim()
  .split(/\s+/);

/** The public internet, edges of the special ranges included. */
const open = `
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255
172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 223.255.255.255 ::ffff:8.8.8.8 ::ffff:808:808
2606:4700:4700::1111 2a00:1450:4001::200e 2400:cb00::1 2001:4860:4860::8888 2620:fe::fe
`
  .trim()
  .split(/\s+/);

/** Other ways to write 127.0.0.1 and its kin, which sockets or resolvers understand. */
const odd = `
2130706433 0x7f000001 0x7f.1 0x7f.0.0.1 0177.0.0.1 017700000001 127.1 127.0.1 127.0.0.01 0127.0.0.1 127.0.0.0x1 00000177.1 1.1.1.256
1.2.3.4.5 999 1. 0x 0xffffffff 3232235777 fe80::1%eth0 fe80::1%25eth0 ::1%lo :::1 1:2:3 [::1 ::ffff:127.0.0.1.
`
  .trim()
  .split(/\s+/);

const notNames = [
  '',
  ' ',
  'a b',
  'a..b',
  '.',
  '..',
  'a/b',
  'a@b',
  'a\\b',
  'a\nb',
  'a%00b',
  'bücher.example',
  `${'a'.repeat(64)}.com`,
  'a.'.repeat(130),
  '*',
];

const denied = expect.objectContaining({ code: 'egress_denied' });
const faultOf = (work: () => unknown): unknown => {
  try {
    return { returned: work() };
  } catch (error) {
    return error;
  }
};

describe('EgressPolicy', () => {
  const policy = new EgressPolicy();

  it('is tested with more than a hundred closed addresses', () => expect(closed.length).toBeGreaterThan(100));
  it.each(closed)('refuses %s', (address) => expect(faultOf(() => policy.checkHost(address))).toEqual(denied));
  it.each(closed.filter((address) => address.includes(':')))('refuses [%s]', (address) =>
    expect(faultOf(() => policy.checkHost(`[${address}]`))).toEqual(denied),
  );
  it.each(open)('lets %s through', (address) => expect(policy.checkHost(address)?.address).toBeTypeOf('string'));
  it.each(odd)('refuses the odd literal %s', (text) => expect(faultOf(() => policy.checkHost(text))).toEqual(denied));
  it.each(notNames)('refuses what is no name: %j', (text) =>
    expect(faultOf(() => policy.checkHost(text))).toEqual(denied),
  );
  it.each(['example.com', 'example.com.', 'a-b.c_d.e', 'xn--bcher-kva.example', 'k8s', '1.example.com', 'localhost'])(
    'takes %s for a name, to be resolved',
    (name) => expect(policy.checkHost(name)).toBeUndefined(),
  );

  it('writes a mapped address as what it is', () => {
    expect(policy.checkAddress('::ffff:8.8.8.8')).toEqual({ address: '8.8.8.8', family: 4 });
  });

  it('opens what the operator allows, in every notation of IPv6, and nothing beside it', () => {
    const own = new EgressPolicy({ allow: ['127.0.0.0/8', '10.1.0.0/16', '::1', 'fd12::/16', '64:ff9b::/96'] });
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '::1',
      'fd12::5',
      '64:ff9b::8.8.8.8',
      '::ffff:127.0.0.1',
      '[::ffff:7f00:1]',
    ])
      expect(own.checkHost(address)).toBeDefined();
    for (const address of ['10.2.0.1', 'fd13::1', '192.168.0.1', '169.254.169.254', '::2'])
      expect(faultOf(() => own.checkHost(address))).toEqual(denied);
  });

  it('never opens metadata services, multicast and the unspecified address, whatever is allowed', () => {
    const all = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });
    for (const address of [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      'fd00:ec2::254',
      '168.63.129.16',
      '0.0.0.0',
      '::',
      '224.0.0.1',
      'ff02::1',
    ])
      expect(faultOf(() => all.checkHost(address))).toEqual(denied);
    expect(all.checkHost('10.0.0.1')).toBeDefined();
  });

  it.each(['10.0.0.0/33', '10.0.0/8', 'x', '10.0.0.0/', '0x7f.0.0.0/8', '::1/129'])(
    'refuses %s in the configuration',
    (text) => expect(() => new EgressPolicy({ allow: [text] })).toThrow(/NM_EGRESS_ALLOW/),
  );

  it('refuses a name when any of its addresses is closed', async () => {
    const answers = [{ address: '8.8.8.8' }, { address: '10.0.0.1' }];
    const mixed = new EgressPolicy({ resolve: async () => answers });
    await expect(mixed.resolveAndPin('example.com')).rejects.toMatchObject({ code: 'egress_denied' });
  });

  it('gives every address of a name, resolved once', async () => {
    let asked = 0;
    const counting = new EgressPolicy({
      resolve: async () => {
        asked++;
        return [{ address: '8.8.8.8' }, { address: '2606:4700::1' }];
      },
    });
    expect(await counting.resolveAndPin('example.com')).toEqual({
      hostname: 'example.com',
      addresses: [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1', family: 6 },
      ],
    });
    expect(asked).toBe(1);
  });

  it('does not resolve a literal, nor a literal in disguise', async () => {
    const never = new EgressPolicy({ resolve: async () => Promise.reject(new Error('resolved')) });
    expect((await never.resolveAndPin('8.8.8.8')).addresses).toHaveLength(1);
    await expect(never.resolveAndPin('2130706433')).rejects.toMatchObject({ code: 'egress_denied' });
  });
});
