import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { keepYoungGenerationSmall } from '../../pipeline/cli/memory.ts';
import { EventReceiver, NO_EVENTS, sum } from '../kernel/event-receiver.ts';
import { ObservedReceiver } from '../kernel/receiver.ts';
import { floodCommand } from './flood.ts';
import { realTime, setRealTime } from './real-time.ts';
import { printTable } from './table.ts';

const SIGNALS = 1_000_000;
const PROCESSES = 2;

/** As many events as two processes can make, beside the counters of system calls, and what became of each. */
export async function eventStorm(): Promise<void> {
  keepYoungGenerationSmall();
  const rows = [
    await storm('by default', {}, undefined),
    await storm('without a limit', { event_rate_limit: 1_000_000 }, undefined),
  ];
  const priority = realTime();
  if (priority === undefined) {
    process.stdout.write('events: no storm in real time, chrt is not permitted here.\n');
  } else {
    rows.push(
      await storm('by default, in real time', {}, priority),
      await storm('without a limit, in real time', { event_rate_limit: 1_000_000 }, priority),
    );
  }
  printTable(`events: a storm of ${(SIGNALS * PROCESSES) / 1e6} M signals of ${PROCESSES} processes`, rows);
}

async function storm(what: string, keys: Readonly<Record<string, unknown>>, priority: readonly string[] | undefined) {
  await using counters = new ObservedReceiver({ syscall_latency: false, collect_file_io: false });
  await using receiver = new EventReceiver({
    ...NO_EVENTS,
    collect_signal_events: true,
    process_filter: ['flood'],
    ...keys,
  });
  let most = 0;
  receiver.onBatch = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  await flood(10_000, undefined);
  await receiver.balanced();
  const before = process.memoryUsage.rss();
  most = before;
  const called = await calls(counters);
  const first = receiver.balance()['signal']!;
  if (priority !== undefined) setRealTime(true);
  const { perSecond } = await flood(SIGNALS, priority);
  if (priority !== undefined) setRealTime(false);
  const last = (await receiver.balanced())['signal']!;
  const dropped = (reason: string) => last.dropped[reason]! - first.dropped[reason]!;
  return {
    what,
    'offered a second': Math.round(perSecond),
    received: last.received - first.received,
    'above the limit': dropped('rate_limit'),
    'ring full': dropped('ring_full'),
    'offered, neither received nor dropped': last.offered - last.received - sum(last.dropped),
    'calls not counted': SIGNALS * PROCESSES - ((await calls(counters)) - called),
    'memory, MiB more': Math.round((most - before) / 2 ** 20),
  };
}

async function calls(counters: ObservedReceiver): Promise<number> {
  return (await counters.read()).total('ebpf_syscall_count', { process: 'flood', syscall: 'kill' });
}

async function flood(signals: number, priority: readonly string[] = []): Promise<{ readonly perSecond: number }> {
  const [command, ...args] = [...priority, ...floodCommand(signals, PROCESSES)];
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(said);
}
