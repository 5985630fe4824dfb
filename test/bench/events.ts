import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BPF, type LogBatch } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { loadBpf } from '../../native/index.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { EbpfReceiver } from '../../receivers/ebpf/receiver.ts';
import { printTable } from './table.ts';

const EVENTS = 1000;
const BETWEEN_MS = 5;

/** A signal now and then: how long until the component behind the receiver has it as a log record. */
export async function run(): Promise<void> {
  const latencies = await lone();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => `${Math.round(latencies[Math.floor((latencies.length - 1) * share)]! / 1000)} µs`;
  printTable(`events: a lone one, kernel to the next component, ${latencies.length} of them ${BETWEEN_MS} ms apart`, [
    { what: 'half of them within', value: at(0.5), budget: '' },
    { what: '99 % within', value: at(0.99), budget: '< 1000 µs' },
    { what: 'all within', value: at(1), budget: '' },
  ]);
}

async function lone(): Promise<number[]> {
  const code = `process.on('SIGUSR2', () => {}); let left = ${EVENTS}; setInterval(() => { process.kill(process.pid, 'SIGUSR2'); if (--left === 0) process.exit(); }, ${BETWEEN_MS});`;
  const latencies: number[] = [];
  const scope = { ...fakeScope('receiver', 'ebpf', { services: [[BPF, loadBpf()]] }), clock: monotonic };
  const consume = (batch: LogBatch) => {
    const now = process.hrtime.bigint();
    if (batch.length > 1) return;
    const time = typeof batch.time === 'bigint' ? batch.time : batch.time[0]!;
    latencies.push(Number(now - time));
  };
  const receiver = new EbpfReceiver(
    config.parse({
      collect_process_events: false,
      collect_tcp_events: false,
      collect_container_events: false,
      collect_signal_events: true,
    }),
    scope,
    { logs: { consume, refusal: () => undefined } },
  );
  receiver.start();
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
  await once(child, 'exit');
  await receiver.stop();
  return latencies;
}

/** The clock that the kernel stamps events with. */
const monotonic = {
  now: () => process.hrtime.bigint(),
  monotonic: () => performance.now(),
  after: () => ({ cancel() {} }),
  every: () => ({ cancel() {} }),
};
