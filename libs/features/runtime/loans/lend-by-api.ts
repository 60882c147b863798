import { Kubeconfig } from '@nm/kernel/contracts';
import { request } from 'undici';
import type { Lend } from './cluster-loans.js';

/** A wake waits for this. Milliseconds. */
const answerMs = 5_000;

/** lendByApi asks the API for the kubeconfig of an instance. @param apiUrl the API; the operator reaches it as KAMAs do */
export const lendByApi =
  (apiUrl: string): Lend =>
  async (ticket) => {
    const { statusCode, body } = await request(`${apiUrl}/v1/kubeconfig`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ticket}` },
      signal: AbortSignal.timeout(answerMs),
    });
    if (statusCode !== 201) throw new Error(`the API answered ${statusCode}: ${(await body.text()).slice(0, 500)}`);
    const { kubeconfig, token } = Kubeconfig.parse(await body.json());
    return { kubeconfig, lifeMs: Date.parse(token.expiresAt) - Date.parse(token.createdAt) };
  };
