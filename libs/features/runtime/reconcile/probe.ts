/** How long one look at the health path may take. Milliseconds. */
const probeMsMax = 2_000;

/** isHealthy tells whether GET answers 2xx. A redirect is no health: it could lead anywhere. */
export async function isHealthy(address: string, healthPath: string, signal?: AbortSignal): Promise<boolean> {
  const timeout = AbortSignal.timeout(probeMsMax);
  try {
    const answer = await fetch(`http://${address}${healthPath}`, {
      redirect: 'manual',
      headers: { connection: 'close', 'user-agent': 'nmachine-operator' },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
