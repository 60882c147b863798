import { Fault } from '@nm/kernel/fault';
import { systemClock as clock } from '@nm/kernel/time';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClaimedRun } from './claim-run.js';
import { RunControl } from './run-control.js';
import type { RunLedger } from './run-ledger.js';

const run = { id: 'run_1', remainingMs: 60_000, cancelRequested: false } as ClaimedRun;

describe('the watch over a run', () => {
  const opened: RunControl[] = [];
  afterEach(async () => {
    for (const control of opened.splice(0)) await control.close();
  });
  /** The lease is renewed for as long as the database answers. */
  const aControl = (more: Partial<ClaimedRun> = {}, renew = async () => ({ cancelRequested: false })) => {
    const lease = { held: true, renew };
    const asked: { cancel: () => void }[] = [];
    const watch = (_: string, cancel: () => void) => {
      asked.push({ cancel });
      return () => undefined;
    };
    const stop = new AbortController();
    const options = { clock, leaseMs: 50, cancellations: { watch }, stop: stop.signal };
    const control = new RunControl(options, lease as unknown as RunLedger, { ...run, ...more });
    opened.push(control);
    return { control, lease, stop, cancel: () => asked[0]?.cancel() };
  };
  const reasonOf = ({ signal }: RunControl) => (signal.reason as Fault | undefined)?.code;
  const patient = { timeout: 10_000 };

  it('lets nothing be written once the lease is over, though nobody has said so: the worker may have been asleep', () => {
    const { control, lease } = aControl();
    control.guard();
    lease.held = false;
    expect(() => control.guard()).toThrow(expect.objectContaining({ code: 'run_lost' }));
    lease.held = true;
    expect(() => control.guard()).toThrow(expect.objectContaining({ code: 'run_lost' }));
  });

  it('ends the work when somebody else has the run, and not because the database is away for a moment', async () => {
    const away = aControl({}, () => Promise.reject(new Fault('store_unavailable')));
    const lost = aControl({}, () => Promise.reject(new Fault('run_lost')));
    await expect.poll(() => reasonOf(lost.control), patient).toBe('run_lost');
    expect(reasonOf(away.control)).toBeUndefined();
    away.lease.held = false;
    await expect.poll(() => reasonOf(away.control), patient).toBe('run_lost');
  });

  it('ends the work at the deadline of the run', async () => {
    const { control } = aControl({ remainingMs: 1 });
    await expect.poll(() => reasonOf(control), patient).toBe('run_timeout');
  });

  it('hears a cancel by message and by the renewal of the lease, and none while it undoes', async () => {
    const told = aControl();
    told.cancel();
    expect(reasonOf(told.control)).toBe('run_cancelled');
    const renew = async () => ({ cancelRequested: true });
    const deaf = aControl({}, renew);
    await expect.poll(() => reasonOf(deaf.control), patient).toBe('run_cancelled');
    const undoing = aControl({ ending: { status: 'negative' } }, renew);
    undoing.cancel();
    await clock.sleep(200);
    expect(reasonOf(undoing.control)).toBeUndefined();
  });

  it('gives the run back when the worker stops', () => {
    const { control, stop } = aControl();
    stop.abort();
    expect(reasonOf(control)).toBe('draining');
  });
});
