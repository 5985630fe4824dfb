import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadBpf } from '../../native/index.ts';
import { limitObject } from './objects.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';
import { workloadCommand } from './workload.ts';

const EVENTS = 5_000_000;

/** Ring to JavaScript: 64-byte events of one producer, drained into one reused buffer and counted in a numeric table. */
export async function run(rounds: number): Promise<void> {
  const rates: number[] = [];
  const costs: number[] = [];
  let lost = 0n;
  for (let round = 0; round < Math.min(rounds, 5); round++) {
    const result = await storm();
    rates.push(result.rate / 1e6);
    costs.push(result.userNsPerEvent);
    lost += result.lost;
  }
  printTable(`ring: ${EVENTS / 1e6} M events of 64 bytes, kernel to Node (median [min-max])`, [
    { what: 'million events/s', value: spread(rates, 2), budget: '≥ 3.3' },
    { what: 'user CPU per event, ns', value: spread(costs, 0), budget: '≤ 52' },
    { what: 'lost', value: String(lost), budget: '0' },
  ]);
}

async function storm() {
  const object = loadBpf().open(limitObject('events'));
  object.load();
  object.program('on_enter').attach();
  const ring = object.map('events').ring();
  const buffer = new Uint8Array(1 << 20);
  const words = new Uint32Array(buffer.buffer);
  const bySlot = new Float64Array(1024);
  let seen = 0;
  const drain = () => {
    let bytes = ring.drain(buffer);
    while (bytes > 0) {
      for (let at = 0; at < bytes >> 2; at += 18) bySlot[words[at + 4]! & 1023]!++;
      seen += bytes / 72;
      bytes = ring.drain(buffer);
    }
  };
  ring.onReadable(drain);
  const timer = setInterval(drain, 2);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const [command, ...args] = workloadCommand('getppid', EVENTS, 1);
  const child = spawn(command!, args, { stdio: 'ignore' });
  await once(child, 'exit');
  drain();
  const seconds = (performance.now() - start) / 1000;
  const user = process.cpuUsage(cpu).user * 1000;
  clearInterval(timer);
  const lost = new DataView(object.getGlobal('refused').buffer).getBigUint64(0, true);
  object.close();
  return { rate: seen / seconds, userNsPerEvent: user / seen, lost };
}
