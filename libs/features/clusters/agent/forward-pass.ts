import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Vault } from '@nm/adapters/vault';

/** Where on the listener our own processes ask for a stream, and the protocol that they ask for. */
export const forwardPath = '/forward/';
export const forwardProtocol = 'nm-forward';

const lifeMs = 30_000;

/** forwardPass lets one process of ours use the tunnel that another holds: `<time>.<HMAC of cluster and time>`, good for half a minute. */
export const forwardPass = (vault: Vault, clusterId: string, nowMs: number): string =>
  `${nowMs}.${macOf(vault, clusterId, `${nowMs}`).toString('base64url')}`;

/** isForwardPass checks one, in constant time. Clocks may differ by as much as a pass lives. */
export function isForwardPass(vault: Vault, clusterId: string, pass: string, nowMs: number): boolean {
  const [time = '', mac = ''] = pass.split('.');
  if (!/^\d{1,16}$/.test(time) || Math.abs(nowMs - Number(time)) > lifeMs) return false;
  const given = Buffer.from(mac, 'base64url');
  const own = macOf(vault, clusterId, time);
  return given.length === own.length && timingSafeEqual(given, own);
}

const macOf = (vault: Vault, clusterId: string, time: string): Buffer =>
  createHmac('sha256', vault.subkey('tunnel-forward')).update(`${clusterId}\n${time}`).digest();
