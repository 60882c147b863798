import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes `<dir>/<user>.kubeconfig` (mode 0600) for the client certificate `user` of `<dir>/pki`; returns its path. */
export async function writeKubeconfig(dir: string, user: string, server: string): Promise<string> {
  const [ca, certificate, key] = await Promise.all(
    ['ca.crt', `${user}.crt`, `${user}.key`].map(async (file) =>
      (await readFile(join(dir, 'pki', file))).toString('base64'),
    ),
  );
  // JSON is YAML; and readers that only know YAML take it.
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubelab', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: user, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: `${user}@kubelab`, context: { cluster: 'kubelab', user } }],
    'current-context': `${user}@kubelab`,
  };
  const path = join(dir, `${user}.kubeconfig`);
  // Never a moment with half a file: other processes may be reading the old one.
  await writeFile(`${path}.tmp`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
  return path;
}
