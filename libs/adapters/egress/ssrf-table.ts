/** What may be behind a host that somebody typed; every case is tried against a policy without exceptions. */
export interface SsrfCase {
  readonly host: string;
  readonly why: string;
}

const cases = (why: string, hosts: string): SsrfCase[] =>
  hosts
    .trim()
    .split(/\s+/)
    .map((host) => ({ host, why }));

/** Nothing of this may be dialled unless the operator allows it; most of it never. */
export const closedHosts: readonly SsrfCase[] = [
  ...cases('this network (RFC 1122)', '0.0.0.0 0.0.0.1 0.1.2.3 0.127.0.1 0.255.255.255'),
  ...cases(
    'private (RFC 1918)',
    '10.0.0.0 10.0.0.1 10.96.0.1 10.255.255.255 172.16.0.0 172.17.0.1 172.20.0.1 172.31.255.255 192.168.0.0 192.168.0.1 192.168.1.1 192.168.49.2 192.168.65.254 192.168.122.1 192.168.255.255',
  ),
  ...cases('shared, CGNAT (RFC 6598)', '100.64.0.0 100.64.0.1 100.100.0.1 100.127.255.255'),
  ...cases('loopback', '127.0.0.0 127.0.0.1 127.0.0.53 127.0.1.1 127.1.2.3 127.127.127.127 127.255.255.255'),
  ...cases('link-local', '169.254.0.0 169.254.0.1 169.254.1.1 169.254.169.253 169.254.255.255'),
  ...cases(
    'metadata',
    '169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.23 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe',
  ),
  ...cases(
    'protocol assignments (RFC 6890)',
    '192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.171 192.0.0.255',
  ),
  ...cases(
    'documentation',
    '192.0.2.0 192.0.2.1 192.0.2.255 198.51.100.0 198.51.100.1 198.51.100.255 203.0.113.0 203.0.113.1 203.0.113.255',
  ),
  ...cases('AS112, AMT, 6to4 relays', '192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1'),
  ...cases('benchmarking (RFC 2544)', '198.18.0.0 198.18.0.1 198.18.255.255 198.19.0.1 198.19.255.255'),
  ...cases('multicast', '224.0.0.0 224.0.0.1 224.0.0.251 232.1.1.1 239.255.255.250 239.255.255.255'),
  ...cases(
    'reserved and broadcast',
    '240.0.0.0 240.0.0.1 247.1.1.1 254.1.1.1 255.0.0.1 255.255.255.254 255.255.255.255',
  ),
  ...cases(
    'unspecified, loopback',
    ':: ::0 0::0 0:0:0:0:0:0:0:0 ::1 0::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::0001 ::2',
  ),
  ...cases(
    'v4-compatible',
    '::127.0.0.1 ::7f00:1 ::10.0.0.1 ::a00:1 ::169.254.169.254 ::a9fe:a9fe ::192.168.0.1 ::0.1.0.0 ::255.255.255.255',
  ),
  ...cases(
    'v4-mapped',
    '::ffff:0.0.0.0 ::ffff:0:0 ::ffff:10.0.0.1 ::ffff:a00:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::FFFF:7F00:1 0:0:0:0:0:ffff:7f00:1 0:0:0:0:0:ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::ffff:172.16.0.1 ::ffff:192.168.1.1 ::ffff:100.64.0.1 ::ffff:198.18.0.1 ::ffff:224.0.0.1 ::ffff:255.255.255.255 ::ffff:168.63.129.16 ::ffff:100.100.100.200',
  ),
  ...cases(
    'v4-translated (SIIT)',
    '::ffff:0:0:0 ::ffff:0:127.0.0.1 ::ffff:0:7f00:1 ::ffff:0:10.0.0.1 ::ffff:0:169.254.169.254 ::ffff:0:8.8.8.8',
  ),
  ...cases(
    'NAT64, well-known prefix',
    '64:ff9b:: 64:ff9b::1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::169.254.169.254 64:ff9b::192.168.0.1 64:ff9b::8.8.8.8',
  ),
  ...cases(
    'NAT64, local use',
    '64:ff9b:1:: 64:ff9b:1::1 64:ff9b:1::127.0.0.1 64:ff9b:1:ffff::10.0.0.1 64:ff9b:1:a00:0:100:: 64:ff9b:1:7f00:0:100:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff',
  ),
  ...cases(
    '6to4',
    '2002:: 2002::1 2002:7f00:1:: 2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe:: 2002:a9fe:a9fe::1 2002:c0a8:1::1 2002:ac10:1::1 2002:808:808::1 2002:ffff:ffff::',
  ),
  ...cases(
    'Teredo',
    '2001:: 2001::1 2001:0:7f00:1:: 2001:0:a00:1:: 2001:0:808:808:8000:63bf:80ff:fffe 2001:0:808:808:0:0:f5ff:fffe 2001:0:ffff:ffff:ffff:ffff:ffff:ffff',
  ),
  ...cases(
    'ISATAP',
    '2606:4700::5efe:7f00:1 2606:4700::5efe:127.0.0.1 2606:4700::200:5efe:a00:1 2a00:1450:4001:800:0:5efe:a9fe:a9fe fe80::5efe:10.0.0.1',
  ),
  ...cases('discard-only', '100:: 100::1 100:0:0:1::1 100::ffff:ffff:ffff:ffff'),
  ...cases(
    'benchmarking, AMT, ORCHID, drone ids',
    '2001:1::1 2001:1::2 2001:2:: 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:1f:ffff::1 2001:20::1 2001:2f::1 2001:30::1 2001:3f::1 2001:100::1',
  ),
  ...cases(
    'documentation',
    '2001:db8:: 2001:db8::1 2001:0db8::1 2001:DB8::1 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff:: 3fff::1 3fff:fff:ffff::1',
  ),
  ...cases('AS112', '2620:4f:8000:: 2620:4f:8000::1'),
  ...cases('segment routing', '5f00:: 5f00::1'),
  ...cases(
    'unique local',
    'fc00:: fc00::1 fcff::1 fd00:: fd00::1 fd12:3456:789a::1 fdff:ffff::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ),
  ...cases(
    'link-local',
    'fe80:: fe80::1 FE80::1 fe80::dead:beef fe9f::1 fea0::1 febf::1 febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ),
  ...cases('site-local (deprecated)', 'fec0:: fec0::1 feff::1'),
  ...cases(
    'multicast',
    'ff00:: ff00::1 ff01::1 ff02::1 ff02::2 ff05::1:3 ff05::2 ff0e::1 ffff::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ),
  ...cases(
    'not handed out by IANA',
    '1::1 200::1 400::1 64:ff9a::1 64:ff9c::1 4000::1 6000::1 8000::1 a000::1 c000::1 e000::1 f000::1 f800::1 fe00::1',
  ),
];

/** Other ways to write an address, which sockets, resolvers or URL parsers understand. */
export const oddLiterals: readonly SsrfCase[] = [
  ...cases('decimal', '0 1 2130706433 2130706433. 3232235777 2852039166 167772161 4294967295 999 017700000001.'),
  ...cases(
    'hexadecimal',
    '0x7f000001 0X7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0x7F.0x00.0x00.0x01 0xa9fea9fe 0xa9.0xfe.0xa9.0xfe 0x 0xffffffff 0x0 0xa000001 127.0.0.0x1',
  ),
  ...cases(
    'octal',
    '0177.0.0.1 017700000001 0177.00.00.01 00000177.1 0127.0.0.1 012.0.0.1 010.0.0.1 0251.0376.0251.0376 025177524776 0300.0250.0.1 127.0.0.01 127.0.00.1',
  ),
  ...cases(
    'mixed',
    '0x7f.0.0.01 0177.0x0.0.1 169.0xfe.169.254 0xa9.254.0251.254 169.254.43518 10.0x1 0xa.1 0300.168.257',
  ),
  ...cases('short', '127.1 127.0.1 127.65535 10.1 10.0.1 192.168.257 169.254.43518 1.1 1. 0.0 0. 127.'),
  ...cases('trailing dot', '127.0.0.1. 10.0.0.1. 169.254.169.254. 0x7f.1. ::1. ::ffff:127.0.0.1. 8.8.8.8.'),
  ...cases('too much', '1.1.1.256 1.2.3.4.5 256.256.256.256 127.0.0.1.1 1.2.3.4.0x5 300.1 4294967296 0x100000000'),
  ...cases(
    'zone ids',
    'fe80::1%eth0 fe80::1%25eth0 fe80::1%1 ::1%lo ::1%25lo ::ffff:127.0.0.1%lo fd00:ec2::254%eth0 2606:4700::1%eth0 [fe80::1%25lo]',
  ),
  ...cases(
    'broken IPv6',
    ':: : ::: :::1 1:2:3 1:2:3:4:5:6:7:8:9 [::1 ::1] [] [::] [[::1]] [127.0.0.1] ::127.0.0.1.1 ::ffff:127.1 ::ffff:0x7f.0.0.1 ::ffff:0177.0.0.1 ::gggg 12345::1',
  ),
  ...cases(
    'with a port or a path',
    '127.0.0.1:80 [::1]:80 example.com:443 127.0.0.1/8 example.com/x 10.0.0.1#x 10.0.0.1?x',
  ),
  ...cases('user information', 'example.com@127.0.0.1 a:b@10.0.0.1 @localhost'),
  ...cases(
    'other digits and dots',
    '１２７.0.0.1 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.⓪.⓪.① ①⑥⑨.②⑤④.①⑥⑨.②⑤④ ١٢٧.0.0.1 ₁₂₇.0.0.1',
  ),
  ...cases('percent-encoded', '%31%32%37.0.0.1 127%2e0%2e0%2e1 %6cocalhost 127.0.0.1%00 example.com%00.internal'),
];

/** Not a host name at all, or one that is not in the alphabet of DNS. */
export const notNames: readonly string[] = [
  '',
  ' ',
  '  127.0.0.1',
  '127.0.0.1 ',
  '127.0.0.1\t',
  '127.0.0.1\n',
  '127.0.0.1\u0000',
  'a b',
  'a..b',
  '.',
  '..',
  '.a',
  'a..',
  'a/b',
  'a@b',
  'a\\b',
  'a\nb',
  'a\r\nHost: b',
  'a,b',
  'a;b',
  'a%00b',
  '*',
  '*.example.com',
  'bücher.example',
  'ｌｏｃａｌｈｏｓｔ',
  'lo\u00adcalhost',
  'ⓔⓧⓐⓜⓟⓛⓔ.com',
  'exa\u200bmple.com',
  `${'a'.repeat(64)}.com`,
  'a.'.repeat(130),
  '$(id)',
  '`id`',
  '{host}',
];

/** The public internet, edges of the special ranges included. */
export const openHosts: readonly string[] = `
1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255
172.32.0.0 192.0.1.0 192.0.1.1 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
223.255.255.255 ::ffff:8.8.8.8 ::ffff:808:808 ::8.8.8.8 2606:4700:4700::1111 2a00:1450:4001::200e 2400:cb00::1 2001:4860:4860::8888 2620:fe::fe 2001:200::1
2003::1 2600::1 3ffe::1
`
  .trim()
  .split(/\s+/);
