// What a process holds: its own metrics, its descriptors as the system counts them, and its heap after a collection.
import { readdirSync } from 'node:fs';

const mb = (bytes) => Math.round((bytes / 1024 / 1024) * 10) / 10;

/** @returns sum over all series of a metric whose labels hold `label` */
function sumOf(text, name, label = '') {
  let sum = 0;
  for (const line of text.split('\n'))
    if ((line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label))
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  return sum;
}

export async function look({ pid, opsPort, inspector }) {
  const text = await fetch(`http://127.0.0.1:${opsPort}/metrics`).then((answer) => answer.text());
  const live = await inspector.liveBytes();
  return {
    clients: sumOf(text, 'nm_gateway_connections', 'side="client"'),
    upstreams: sumOf(text, 'nm_gateway_connections', 'side="upstream"'),
    requests: sumOf(text, 'nm_gateway_open_exchanges', 'kind="request"'),
    streams: sumOf(text, 'nm_gateway_open_exchanges', 'kind="stream"'),
    tunnels: sumOf(text, 'nm_gateway_open_exchanges', 'kind="tunnel"'),
    working: sumOf(text, 'nm_gateway_working_requests'),
    slots: sumOf(text, 'nm_gateway_limit_slots_in_use'),
    waiting: sumOf(text, 'nm_gateway_waiting_requests'),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    heapMb: mb(live.heap),
    externalMb: mb(live.external),
    rssMb: mb(live.rss),
  };
}

/** What must be gone when nobody is there any more. */
export const transient = ['clients', 'upstreams', 'requests', 'streams', 'tunnels', 'working', 'slots', 'waiting'];

/** Slope of the values over their times by least squares, per unit of time. */
export function slopeOf(points) {
  const n = points.length;
  if (n < 2) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return over / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
