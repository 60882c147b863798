import { beforeAll, describe, expect, it } from 'vitest';
import { KamaClient } from './kama-client.js';
import type { DrivenKama } from './kama-conformance.js';

const settledMs = 180_000;

/**
 * driveRuns starts actions whose plans look at the KAMA again and go into pods, over HTTP only. It runs wherever plans are carried out, by NMachine or by a process of its own.
 * @param pod name of one whose shell can be asked, where pods run
 */
export function driveRuns(target: () => DrivenKama, pod?: string): void {
  let kama: KamaClient;
  const outcomeOf = async (action: object) => {
    const written = Buffer.from(JSON.stringify(action)).toString('base64');
    const { status, body } = await kama.post(`/api/actions/${encodeURIComponent(written)}/run`);
    expect(status, JSON.stringify(body)).toBe(200);
    return kama.settled(body.job_id, settledMs);
  };
  const awaits = (challenge: unknown) => ({
    kind: 'AwaitPredicatesSettledAction',
    timeout_seconds: 5,
    predicates: [
      { kind: 'Predicate', challenge: 1, check_against: 1 },
      { kind: 'Predicate', challenge, check_against: 'wanted', reason: 'It is not what is wanted' },
    ],
  });

  describe('runs of a KAMA, as its clients start them', () => {
    beforeAll(() => {
      const { baseUrl, headers } = target();
      kama = new KamaClient(baseUrl, headers);
    });

    it('wait until predicates hold, and fail by the one that never does', async () => {
      const held = await outcomeOf(awaits('wanted'));
      expect(held.status, JSON.stringify(held)).toBe('positive');
      const late = await outcomeOf(awaits('other'));
      expect(late.status).toBe('negative');
      expect(JSON.stringify(late.progress)).toContain('It is not what is wanted');
    }, 120_000);

    it('run no command in a pod that is not there', async () => {
      const job = await outcomeOf({ kind: 'PodShellExecAction', pod: 'there-is-none', command: 'true' });
      expect([job.status, JSON.stringify(job.progress)]).toEqual([
        'negative',
        expect.stringMatching(/there-is-none|no pods/),
      ]);
    }, 120_000);

    if (pod === undefined) return;

    const shell = (line: string) => ['/usr/bin/sh', '-c', line];

    it('run a command in a pod, whose output they tell, and fail by how it ends', async () => {
      const said = await outcomeOf({ kind: 'PodShellExecAction', pod, command: shell('echo from $((40 + 2))') });
      expect(said.status, JSON.stringify(said)).toBe('positive');
      expect(JSON.stringify(said.progress)).toContain('from 42');
      const failed = await outcomeOf({ kind: 'PodShellExecAction', pod, command: shell('exit 7') });
      expect([failed.status, JSON.stringify(failed.progress)]).toEqual([
        'negative',
        expect.stringContaining('ended with 7'),
      ]);
    }, 120_000);
  });
}
