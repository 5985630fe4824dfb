import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { BPF, type LogBatch, logRecords } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { loadBpf } from '../../native/index.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { EbpfReceiver } from '../../receivers/ebpf/receiver.ts';
import { realTime, setRealTime } from './real-time.ts';
import { printTable } from './table.ts';
import { benchProgram } from './workload.ts';

const EVENTS = 1000;
/** Between one and the next, which is another's. */
const BETWEEN_MS = 2;

/** What a process needs at least to hear of another by its loop of events. */
const BARE_LOOP = `
const heard = [];
process.stdin.on('data', (bytes) => {
  const now = process.hrtime.bigint();
  for (let at = 0; at < bytes.length; at += 8) heard.push(Number(now - bytes.readBigUInt64LE(at)));
});
process.stdin.on('end', () => console.log(JSON.stringify(heard)));
`;

/**
 * How long until the component behind the receiver has a lone event as a log record; beside it, in turns, what the machine needs
 * to wake a process at all: a loop of C, and a loop of Node that runs nothing else.
 */
export async function loneEvents(): Promise<void> {
  await measure('as any other process', []);
  const priority = realTime();
  if (priority !== undefined) await measure('in real time', priority);
  else process.stdout.write('events: not measured in real time, chrt is not permitted here.\n');
}

async function measure(how: string, priority: readonly string[]): Promise<void> {
  const pulse = benchProgram('pulse');
  const loops = [
    listen([...priority, pulse, 'hear']),
    listen([...priority, process.execPath, '-e', BARE_LOOP]),
  ] as const;
  if (priority.length > 0) setRealTime(true);
  const own: number[] = [];
  const receiver = receive(own);
  const [command, ...args] = [...priority, pulse, 'send', String(EVENTS), String(BETWEEN_MS), '3', '4', 'signal'];
  // In a session of its own: within one the kernel's automatic groups let a process hand over its share of the CPU.
  const sender = spawn(command!, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', loops[0].child.stdin, loops[1].child.stdin],
  });
  for (const { child } of loops) child.stdin!.destroy();
  await once(sender, 'exit');
  await receiver.stop();
  if (priority.length > 0) setRealTime(false);
  const [c, node] = await Promise.all(loops.map(({ heard }) => heard));
  printTable(`events: a lone one, kernel to the next component, ${EVENTS} of them ${BETWEEN_MS * 3} ms apart, ${how}`, [
    row('bpflow', own, '99 % < 1000 µs'),
    row('an empty loop of Node, woken by a pipe', node!, ''),
    row('an empty loop of C, woken by a pipe', c!, ''),
  ]);
}

interface Listener {
  readonly child: ChildProcess;
  /** ns. */
  readonly heard: Promise<number[]>;
}

function listen(command: readonly string[]): Listener {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, heard: text(child.stdout!).then((json) => JSON.parse(json)) };
}

function row(what: string, latencies: number[], budget: string) {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Math.round(latencies[Math.floor((latencies.length - 1) * share)]! / 1000);
  return {
    what,
    events: latencies.length,
    'half within, µs': at(0.5),
    '99 % within, µs': at(0.99),
    'all within, µs': at(1),
    budget,
  };
}

/** The receiver alone, with signals of `pulse`; writes how many ns each took. */
function receive(latencies: number[]): EbpfReceiver {
  const scope = { ...fakeScope('receiver', 'ebpf', { services: [[BPF, loadBpf()]] }), clock: monotonic };
  const consume = (batch: LogBatch) => {
    const now = process.hrtime.bigint();
    for (const { time } of logRecords(batch)) latencies.push(Number(now - time));
  };
  const receiver = new EbpfReceiver(
    config.parse({
      collect_process_events: false,
      collect_oom_events: false,
      collect_tcp_events: false,
      collect_container_events: false,
      memory_threshold: 0,
      collect_signal_events: true,
      process_filter: ['pulse'],
    }),
    scope,
    { logs: { consume, refusal: () => undefined } },
  );
  receiver.start();
  return receiver;
}

/** The clock that the kernel stamps events with. */
const monotonic = {
  now: () => process.hrtime.bigint(),
  monotonic: () => performance.now(),
  after: () => ({ cancel() {} }),
  every: () => ({ cancel() {} }),
};
