// Load until a target costs what it will go on costing. What Node compiles it compiles after so many calls, not after so many seconds, and on a machine that is slow a
// few seconds are few calls; nginx needs no such thing, and gets the same.
import { load } from '../load.mjs';
import { assertAlive, cpuSeconds } from '../processes.mjs';
import { otherCore } from './figures.mjs';

const warmUpRequests = 200_000;
const sliceSeconds = 3;
/** Fewer only show that a bench runs to its end. */
const secondsMax = Number(process.env.BENCH_WARM_SECONDS ?? 120);
/** So many slices in a row that are no cheaper than the best before: it has settled earlier. */
const flatSlices = 4;

/** @param url that is asked for @param requests enough when so many were made @returns requests made, CPU µs per request of the first and the last slice */
export async function warmUp(
  target,
  { keys, folder },
  { url = target.url, requests = warmUpRequests, connections = 64 } = {},
) {
  let made = 0;
  let best = Infinity;
  let flat = 0;
  let firstUs;
  let lastUs;
  for (let s = 0; s < secondsMax && made < requests && flat < flatSlices; s += sliceSeconds) {
    const before = cpuSeconds(target.process);
    const slice = await load({ url, keys, connections, seconds: sliceSeconds, core: otherCore, folder, patient: true });
    assertAlive(target.process);
    made += slice.requests;
    lastUs = ((cpuSeconds(target.process) - before) * 1e6) / slice.requests;
    firstUs ??= lastUs;
    flat = lastUs < best * 0.97 ? 0 : flat + 1;
    best = Math.min(best, lastUs);
  }
  return { requests: made, firstUs, lastUs };
}
