import { describe, expect, it } from 'vitest';
import { packBundle, unpackBundle } from './bundle-archive.js';
import type { BundleFile } from './bundle-files.js';
import { loadBundle } from './compile-bundle.js';

const variable = 'kind: ManifestVariable\nid: web.replicas\ntitle: "Größe"\n';
const files: readonly BundleFile[] = [
  { path: 'descriptors/b.yaml', text: variable },
  { path: 'assets/text.md', text: 'line\r\n"quoted" \u2028 \ud83d\ude00\n' },
];
const message = (work: () => unknown): string => {
  try {
    work();
    return 'no fault';
  } catch (error) {
    return (error as { publicMessage?: string }).publicMessage ?? String(error);
  }
};
const unpack = (text: string | Buffer) => message(() => unpackBundle(Buffer.from(text as string)));

describe('a packed bundle', () => {
  it('is the same bytes whatever the order, and these very bytes on every machine', () => {
    const packed = packBundle(files);
    expect(packBundle(files.toReversed()).bytes.equals(packed.bytes)).toBe(true);
    expect(packed.digest).toBe('sha256:a5d642094caebfbecabfeb9c14166b56b0e65d76e725c63f3e1d415e257bfa45');
    expect(packBundle([...files, { path: 'assets/a', text: '' }]).digest).not.toBe(packed.digest);
  });

  it('gives back what went in, and has the digest of the bundle that it holds', () => {
    const packed = packBundle(files);
    expect(unpackBundle(packed.bytes)).toEqual(files.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
    expect(loadBundle(unpackBundle(packed.bytes)).digest).toBe(packed.digest);
  });

  it('is refused when anything in it stands otherwise than packing writes it', () => {
    const text = packBundle(files).bytes.toString('utf8');
    const twice = text.replace('{"files":{', `{"files":{"assets/text.md":"other",`);
    for (const other of [`${text}\n`, ` ${text}`, text.replace('"files":{', '"files": {'), twice])
      expect(unpack(other)).toContain('not written as');
    expect(unpack(`\ufeff${text}`)).toContain('no JSON');
    expect(unpack(text.replace('bundle/1', 'bundle/2'))).toContain('its format');
  });

  it('takes no name that would leave its folder, be two files, or mean something else elsewhere', () => {
    const bad = (path: string) => message(() => packBundle([{ path, text: '' }]));
    for (const path of [
      'assets/../../etc/passwd',
      '/assets/x',
      'assets/./x',
      'assets//x',
      'assets\\x',
      'assets/a\nb',
      'assets/ä',
      '',
    ])
      expect(bad(path), path).toContain('bad_path');
    for (const path of ['assets/__proto__', 'plugins/constructor/assets/x', 'README.md', `assets/${'x'.repeat(300)}`])
      expect(bad(path), path).toContain('bad_path');
    const two = [...files, { path: 'assets/TEXT.md', text: '' }];
    expect(message(() => packBundle(two))).toContain('only in upper and lower case');
  });

  it('holds text only', () => {
    expect(message(() => packBundle([{ path: 'assets/x', text: 'a\0' }]))).toContain('not_text: Character 2');
    expect(message(() => packBundle([{ path: 'assets/x', text: 'ab\ud800' }]))).toContain('not_text: Character 3');
  });
});
