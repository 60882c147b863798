import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePki } from './pki.ts';

let dir: string;
beforeAll(async () => {
  dir = join(mkdtempSync(join(tmpdir(), 'kubelab-pki-')), 'pki');
  await makePki(dir);
});
afterAll(() => rmSync(join(dir, '..'), { recursive: true }));

const read = (file: string) => readFileSync(join(dir, file), 'utf8');
const certificate = (name: string) => new X509Certificate(read(`${name}.crt`));

it.each([
  ['admin', 'O=system:masters\nCN=kubelab-admin'],
  ['scheduler', 'CN=system:kube-scheduler'],
  ['node', 'O=system:nodes\nCN=system:node:node1'],
])('gives %s a client certificate of the cluster CA with its Kubernetes user and group', (name, subject) => {
  const leaf = certificate(name);
  expect(leaf.subject).toBe(subject);
  expect(leaf.checkIssued(certificate('ca')) && leaf.verify(certificate('ca').publicKey)).toBe(true);
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(leaf.checkPrivateKey(createPrivateKey(read(`${name}.key`)))).toBe(true);
});

it('makes a server certificate for the addresses by which the API server is reached', () => {
  const leaf = certificate('apiserver');
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(
    leaf.checkHost('kubernetes.default.svc') && leaf.checkIP('127.0.0.1') && leaf.checkIP('10.96.0.1'),
  ).toBeTruthy();
});

it('signs the aggregation client by another CA, which cannot sign users', () => {
  expect(certificate('front-proxy-client').verify(certificate('front-proxy-ca').publicKey)).toBe(true);
  expect(certificate('front-proxy-client').verify(certificate('ca').publicKey)).toBe(false);
});

it('keeps every file to the owner', () => {
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  const open = readdirSync(dir).filter((file) => file !== 'done' && (statSync(join(dir, file)).mode & 0o077) !== 0);
  expect(open).toEqual([]);
});
