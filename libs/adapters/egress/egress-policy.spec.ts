import { describe, expect, it } from 'vitest';
import { EgressPolicy } from './egress-policy.js';
import { closedHosts, notNames, oddLiterals, openHosts } from './ssrf-table.js';

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

  it('is tested with more than three hundred hosts that must stay closed', () => {
    const hosts = [...closedHosts, ...oddLiterals].map(({ host }) => host);
    expect(new Set([...hosts, ...notNames]).size).toBeGreaterThan(300);
  });
  it.each(closedHosts)('refuses $host: $why', ({ host }) =>
    expect(faultOf(() => policy.checkHost(host))).toEqual(denied),
  );
  it.each(closedHosts.filter(({ host }) => host.includes(':')))('refuses [$host]: $why', ({ host }) =>
    expect(faultOf(() => policy.checkHost(`[${host}]`))).toEqual(denied),
  );
  it.each(openHosts)('lets %s through', (host) => expect(policy.checkHost(host)?.address).toBeTypeOf('string'));
  it.each(oddLiterals)('refuses the odd literal $host: $why', ({ host }) =>
    expect(faultOf(() => policy.checkHost(host))).toEqual(denied),
  );
  it.each(notNames)('refuses what is no name: %j', (text) =>
    expect(faultOf(() => policy.checkHost(text))).toEqual(denied),
  );
  it.each(closedHosts)('refuses https://$host as the URL parser reads it', ({ host }) => {
    const urls = [`https://${host}/`, `https://[${host}]/`].filter((url) => URL.canParse(url));
    expect(urls).toHaveLength(1);
    for (const url of urls) expect(faultOf(() => policy.checkHost(new URL(url).hostname))).toEqual(denied);
  });
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

  it('opens a translation prefix for what it may dial anyway, and for nothing behind it', () => {
    const translated = new EgressPolicy({ allow: ['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'] });
    for (const address of ['64:ff9b::8.8.8.8', '64:ff9b:1::8.8.8.8', '64:ff9b:1:808:8:800::', '2002:808:808::1'])
      expect(translated.checkHost(address)).toBeDefined();
    for (const address of ['64:ff9b::10.0.0.1', '64:ff9b:1::10.0.0.1', '64:ff9b:1:a00:0:100::', '2002:a00:1::1'])
      expect(faultOf(() => translated.checkHost(address))).toEqual(denied);
    const both = new EgressPolicy({ allow: ['64:ff9b::/96', '10.0.0.0/8'] });
    expect(both.checkHost('64:ff9b::10.0.0.1')).toBeDefined();
  });

  it('never opens metadata services, multicast and the unspecified address, whatever is allowed', () => {
    const all = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });
    for (const address of [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      '169.254.170.2',
      '169.254.170.23',
      '169.254.0.23',
      '100.100.100.200',
      '192.0.0.192',
      'fd00:ec2::254',
      'fd00:ec2::23',
      'fd20:ce::254',
      'fe80::a9fe:a9fe',
      '168.63.129.16',
      '0.0.0.0',
      '::',
      '224.0.0.1',
      '255.255.255.255',
      'ff02::1',
      '::169.254.169.254',
      '::e000:1',
      '64:ff9b::169.254.169.254',
      '64:ff9b:1::a9fe:a9fe',
      '2002:a9fe:a9fe::1',
      '::ffff:0:169.254.169.254',
      '2001:0:808:808:0:0:5601:5601',
      '2606:4700::5efe:a9fe:a9fe',
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
