import { formatRef, isAlive, parseRef, processRef, thisMachine } from './process/process-ref.js';

/** operatorName is unique among all operator processes that ever run: machine, boot, pid and start time. */
export const operatorName = (): string =>
  `${thisMachine()}#${formatRef(processRef(process.pid) ?? { pid: process.pid, start: '' })}`;

/**
 * operatorIsDead knows of an operator on this machine that it has ended, so that its instances can be taken over at once. Of others it knows
 * nothing: their leases have to run out.
 */
export function operatorIsDead(name: string): boolean {
  const [machine, ref] = name.split('#');
  const holder = ref === undefined ? undefined : parseRef(ref);
  return machine === thisMachine() && holder !== undefined && holder.start !== '' && !isAlive(holder);
}
