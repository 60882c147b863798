// Followers of runs by server-sent events, many on one process, from many loopback addresses. Arguments: port, key, how many, first address, run ids.
import { connect } from 'node:net';

const [port, key, count, firstAddress, ids] = process.argv.slice(2);
const runs = ids.split(',');
const wanted = Number(count);
const perAddress = 2_000;
let open = 0;
let failed = 0;
let heard = 0;
let lanes = 0;

function follow(i) {
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      localAddress: `127.0.0.${Number(firstAddress) + Math.floor(i / perAddress)}`,
    });
    let head = '';
    let isOpen = false;
    socket.on('data', (chunk) => {
      if (isOpen) {
        if (chunk.includes('heard-by-all')) heard++;
        return;
      }
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      isOpen = head.startsWith('HTTP/1.1 200');
      if (isOpen) open++;
      else failed++;
      head = '';
      resolve();
    });
    const over = () => {
      if (!isOpen) failed++;
      else open--;
      resolve();
    };
    socket.on('error', () => undefined).on('close', over);
    socket.write(
      `GET /v1/runs/${runs[i % runs.length]}/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\n\r\n`,
    );
  });
}

let next = 0;
const lane = async () => {
  lanes++;
  while (next < wanted) await follow(next++);
  if (--lanes === 0) process.send?.({ ready: true, open, failed });
};
for (let i = 0; i < 32; i++) void lane();
process.on('message', () => process.send?.({ open, failed, heard }));
