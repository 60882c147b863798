import { delimiter } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { helmChart } from '../../../testing/engines/chart.js';
import { describeWith } from '../../../testing/needs.js';
import { engineConforms } from '../../../testing/templating-engine.conformance.js';
import { helmEngine, ProgramRunner } from '../index.js';

// Needs no cluster, but the helm that is built beside it.
describeWith(['kubernetes'], 'charts', () => {
  const path = [inject('kubernetesBin'), process.env['PATH'] ?? ''].join(delimiter);
  const bounds = { path, offline: true, timeoutMs: 60_000, outputBytesMax: 1024 * 1024 };
  const engineOf = (files: ReadonlyMap<string, string>, more: object = {}) =>
    helmEngine({
      runner: new ProgramRunner({ ...bounds, ...more }),
      chart: (uri) => (uri === 'menu' ? { files } : undefined),
      release: 'shop',
      namespace: 'shop',
    });
  const ktea = { type: 'helm', uri: 'menu', version: '1.0.0' };
  const idle = () => new AbortController().signal;

  engineConforms('a Helm chart', { words: true, presets: false, endless: true }, () => ({
    engine: engineOf(helmChart),
    brief: engineOf(helmChart, { timeoutMs: 1_000 }),
    ktea,
  }));

  describe('a Helm chart', () => {
    const withArgs = (args: unknown) =>
      engineOf(helmChart).template({ ...ktea, args }, { flavour: 'a', count: 1 }, idle());

    it.each([
      '--post-renderer /bin/sh',
      '--values=/etc/passwd',
      '-f /etc/passwd',
      '--set-file a=/etc/passwd',
      '--kubeconfig x',
      '--dry-run=server',
      '--enable-dns',
      '--set a=b --output-dir /tmp',
      '/etc',
      ['--set', '--post-renderer', '--post-renderer=/bin/sh'],
    ])('takes no words such as %j', async (args) => {
      await expect(withArgs(args)).rejects.toMatchObject({
        code: 'template_failed',
        publicMessage: expect.stringContaining('of helm is not allowed'),
      });
    });

    it('takes words that only set values', async () => {
      const [menu] = await withArgs(['--set', 'count=9', '--set-string=flavour=b']);
      expect(menu?.['data']).toEqual({ flavour: 'b', count: '9' });
    });

    it('is told by its name when there is none', async () => {
      const missing = engineOf(helmChart).defaults({ ...ktea, uri: 'none' }, idle());
      await expect(missing).rejects.toMatchObject({
        publicMessage: expect.stringContaining('there is no chart "none"'),
      });
    });

    it('reads no file of this machine', async () => {
      const nosy = new Map(helmChart).set(
        'templates/menu.yaml',
        '{ apiVersion: v1, kind: ConfigMap, metadata: { name: n }, data: { a: {{ .Files.Get "/etc/passwd" | quote }}, b: {{ .Files.Get "../values.yaml" | quote }}, c: {{ (getHostByName "localhost") | quote }} } }\n',
      );
      const [map] = await engineOf(nosy).template(ktea, {}, idle());
      expect(map?.['data']).toEqual({ a: '', b: '', c: '' });
    });
  });
});
