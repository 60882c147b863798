import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@nm/kernel/time';
import { selfSigned } from '@nm/testing';

export interface OwnCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

const lifeDays = 365;
/** One that would end within this time is replaced at the start. Milliseconds. */
const spareMs = 30 * 86_400_000;

/** ownCertificate keeps a certificate for these addresses in the state folder, so that kubectl, which sends a token over TLS only, can use the gateway. It is its own authority. */
export async function ownCertificate(home: string, addresses: readonly string[]): Promise<OwnCertificate> {
  const folder = join(home, 'tls');
  const files = { certFile: join(folder, 'gateway.crt'), keyFile: join(folder, 'gateway.key') };
  if (await serves(files.certFile, addresses)) return files;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { certificate, key } = await selfSigned('NMachine on this machine', {
    dns: ['localhost'],
    ip: addresses,
    toDays: lifeDays,
  });
  await writeFile(files.keyFile, key, { mode: 0o600 });
  await writeFile(files.certFile, `${certificate}\n`);
  return files;
}

async function serves(certFile: string, addresses: readonly string[]): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(certFile));
    const lasts = certificate.validToDate.getTime() - systemClock.nowMs() > spareMs;
    return lasts && addresses.every((address) => certificate.checkIP(address) !== undefined);
  } catch {
    return false;
  }
}
