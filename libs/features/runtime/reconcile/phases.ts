import { isFault } from '@nm/kernel/fault';
import { kamaEnvironment } from '../kama-environment.js';
import { endInstance, type RuntimeDriver } from '../runtime-driver.js';
import { lastWanted } from './instance-facts.js';
import { isHealthy } from './probe.js';
import { describeExit, recordCrash } from './record-crash.js';
import { driverOf, type Phase, type Turn } from './turn.js';

/** Looks at the health path come this often: a wake is felt by a person who waits. Milliseconds. */
const probeEveryMs = 20;
const probeEveryMsLate = 100;
const probeOftenMs = 3_000;

/**
 * takeOver settles what a dead operator has left. Its containers are simply gone on with; its processes are ended, since nobody
 * reads their output any more, and started again if somebody still needs them.
 */
const takeOver: Phase = async (turn) => {
  const { facts, store, logger } = turn;
  if (facts.takenOverFrom === undefined) return 'next';
  const driver = facts.handle && driverOf(turn, facts.handle.driver);
  if (driver?.survivesOperator) return 'next';
  logger.info({ instance: facts.id, from: facts.takenOverFrom }, 'taking an instance over');
  if (facts.handle && driver) await endInstance(driver, facts.handle, turn.graceMs);
  const needed = facts.desired === 'running' && isRecent(turn);
  await store.withdraw(facts.id, needed ? 'running' : 'stopped');
  await store.stopped(facts.id, undefined);
  return needed ? 'again' : 'done';
};

/** observe compares what should be there with what is, and records an end that nobody asked for. */
const observe: Phase = async (turn) => {
  const { facts } = turn;
  if (!facts.handle) {
    // Claimed in "starting" without a handle: its start was cut short. The driver removes what may be left when it starts anew.
    if (facts.observed === 'starting') await turn.store.withdraw(facts.id, facts.desired);
    return facts.observed === 'starting' ? 'again' : 'next';
  }
  const driver = driverOf(turn, facts.handle.driver);
  if (!driver) {
    await recordCrash(turn, `The runtime "${facts.handle.driver}" is no longer available here`);
    return 'done';
  }
  const state = await driver.inspect(facts.handle);
  if (state.state === 'running' || facts.observed === 'stopped') return 'next';
  await recordCrash(turn, describeExit(state));
  return 'again';
};

/** stopUnwanted ends what nobody has used for the version's `idleSeconds`, and what is to be stopped anyway. */
const stopUnwanted: Phase = async (turn) => {
  const { facts, store, logger } = turn;
  if (facts.desired === 'running' && facts.observed !== 'stopped') {
    if (facts.observed === 'starting' || isRecent(turn)) return 'next';
    if (!(await store.retire(facts.id, new Date(turn.nowMs() - facts.spec.idleSeconds * 1000)))) return 'again';
    logger.info({ instance: facts.id, idleSeconds: facts.spec.idleSeconds }, 'stopping an idle instance');
  } else if (facts.desired === 'running') {
    // A wish from before the operator was there, too old to act on.
    if (!facts.handle && !isRecent(turn)) {
      await store.withdraw(facts.id, 'stopped');
      await store.stopped(facts.id, undefined);
      return 'done';
    }
    if (!facts.handle) return 'next';
  } else if (facts.observed === 'starting' || facts.observed === 'ready') {
    await store.withdraw(facts.id, 'stopped');
  }
  await endIt(turn);
  return 'again';
};

/** endIt stops the process or container and keeps its output. */
export async function endIt(turn: Pick<Turn, 'facts' | 'store' | 'drivers' | 'loans' | 'graceMs'>): Promise<void> {
  const { facts, store, drivers, loans } = turn;
  loans.forget(facts.id);
  const driver = drivers.find((each) => each.name === facts.handle?.driver);
  const output = facts.handle && driver ? await endInstance(driver, facts.handle, turn.graceMs) : undefined;
  await store.stopped(facts.id, output);
}

/** start runs what is wanted and not there, unless it has just crashed. */
const start: Phase = async (turn) => {
  const { facts, store } = turn;
  if (facts.handle) return 'next';
  if (facts.desired !== 'running') return 'done';
  const waitMs = facts.notBefore ? facts.notBefore.getTime() - turn.nowMs() : 0;
  if (waitMs > 0) return { againInMs: waitMs };
  const driver = chooseDriver(turn);
  if (typeof driver === 'string') {
    await store.starting(facts.id, undefined);
    await recordCrash(turn, driver);
    return 'again';
  }
  await store.starting(facts.id, driver.name);
  try {
    const folder = folderOf(turn, driver);
    const env = kamaEnvironment(facts.names, turn.urls, folder);
    const files = await turn.loans.first(facts, folder);
    const handle = await driver.start({ instanceId: facts.id, version: facts.spec, env, ...(files ? { files } : {}) });
    await store.started(facts.id, handle).catch(async (error: unknown) => {
      await driver.remove(handle);
      throw error;
    });
  } catch (error) {
    if (!isFault(error) || error.code !== 'runtime_unavailable') throw error;
    await recordCrash(turn, error.publicMessage.replace(/\.$/, ''));
  }
  return 'again';
};

/** awaitReady asks the health path until it answers 2xx, or the version's `startSeconds` are over. */
const awaitReady: Phase = async (turn) => {
  const { facts, store, clock, changed, logger } = turn;
  if (facts.observed !== 'starting' || !facts.handle) return 'next';
  const startedMs = facts.startedAt?.getTime() ?? turn.nowMs();
  const { address } = facts.handle;
  for (;;) {
    if (await isHealthy(address, facts.spec.healthPath, changed)) break;
    if (changed.aborted) return 'again';
    const waitedMs = turn.nowMs() - startedMs;
    if (waitedMs > facts.spec.startSeconds * 1000) {
      await recordCrash(
        turn,
        `The instance did not answer 2xx on ${facts.spec.healthPath} within ${facts.spec.startSeconds} s`,
      );
      return 'again';
    }
    await clock.sleep(waitedMs < probeOftenMs ? probeEveryMs : probeEveryMsLate, changed).catch(() => undefined);
  }
  await store.ready(facts.id, address);
  logger.info({ instance: facts.id, app: facts.names.app, wakeMs: turn.nowMs() - startedMs }, 'instance ready');
  return 'again';
};

/** renewLoan replaces the credential of an instance that serves one install before it ends; one that an operator before us has started gets a new one. */
const renewLoan: Phase = async (turn) => {
  const { facts } = turn;
  const driver = facts.handle && driverOf(turn, facts.handle.driver);
  if (facts.observed !== 'ready' || !facts.handle || !driver) return 'next';
  const files = await turn.loans.renewed(facts, folderOf(turn, driver));
  if (!files) return 'next';
  await driver.writeFiles?.(facts.handle, files).catch((error: unknown) => {
    turn.logger.warn({ err: error, instance: facts.id }, 'the credential of an instance could not be replaced');
    turn.loans.retry(facts.id);
  });
  return 'next';
};

/** watchIdle asks for the next look at the moment when the instance would become idle, or needs a new credential. */
const watchIdle: Phase = async (turn) => {
  if (turn.facts.observed !== 'ready') return 'done';
  const idleAtMs = lastWanted(turn.facts) + turn.facts.spec.idleSeconds * 1000;
  const driver = turn.facts.handle && driverOf(turn, turn.facts.handle.driver);
  const dueInMs = turn.loans.dueInMs(turn.facts, driver && folderOf(turn, driver)) ?? Number.POSITIVE_INFINITY;
  return { againInMs: Math.max(100, Math.min(dueInMs, idleAtMs - turn.nowMs() + 1)) };
};

/** The whole of a reconciliation, in order. Each phase does one thing or nothing. */
export const phases: readonly Phase[] = [takeOver, observe, stopUnwanted, start, awaitReady, renewLoan, watchIdle];

const isRecent = (turn: Turn): boolean => turn.nowMs() - lastWanted(turn.facts) < turn.facts.spec.idleSeconds * 1000;

/** folderOf is where an instance that serves one install finds its files. */
const folderOf = ({ facts }: Turn, driver: RuntimeDriver): string | undefined =>
  facts.names.install && driver.folderOf?.(facts.id);

/** chooseDriver gives the first driver that can run the version, or the sentence why none can. */
function chooseDriver(turn: Turn): RuntimeDriver | string {
  const reasons: string[] = [];
  for (const driver of turn.drivers) {
    const reason = driver.refuses(turn.facts.spec);
    if (reason === undefined) return driver;
    reasons.push(reason.replace(/\.$/, ''));
  }
  return reasons.join('; ') || 'No runtime is available here';
}
