import { equal, ok } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { keepYoungGenerationSmall } from '../../pipeline/cli/memory.ts';
import { EventReceiver, NO_EVENTS, sum } from './event-receiver.ts';
import { many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

const IS_FULL = process.env['BPFLOW_SUITE'] === 'full';
const SIGNALS = many(IS_FULL ? 2_000_000 : 200_000);
const PROCESSES = 2;

/** What the buffer of the channel, the batches that are made of it, and their garbage may take: whatever is offered, for however long. */
const MOST_GROWN = 192 * 2 ** 20;

keepYoungGenerationSmall();

describe('a storm of events', { skip }, () => {
  const workloads = new Workloads('flood');
  after(() => workloads[Symbol.dispose]());

  for (const [what, keys] of [
    ['with a limit', { event_rate_limit: many(10_000) }],
    ['without a limit, and a ring of one page', { event_rate_limit: 1_000_000, ring_buffer_size: 4096 }],
  ] as const) {
    test(`${what}: offered = received + dropped, memory stays, and the counters are right`, async (t) => {
      const name = own('flood');
      await using counters = new ObservedReceiver({ syscall_latency: false });
      await using receiver = new EventReceiver({
        ...NO_EVENTS,
        collect_signal_events: true,
        process_filter: [name],
        ...keys,
      });
      let received = 0;
      let most = 0;
      receiver.onBatch = (batch) => {
        received += batch.length;
        most = Math.max(most, process.memoryUsage.rss());
      };
      await workloads.run(name, 1000, PROCESSES);
      await receiver.balanced();
      const before = process.memoryUsage.rss();
      const truth = await workloads.run(name, SIGNALS / PROCESSES, PROCESSES);
      const { signal } = await receiver.balanced();
      const sent = SIGNALS + 1000 * PROCESSES;
      ok(signal!.offered >= sent, JSON.stringify(signal));
      equal(signal!.received, received);
      equal(signal!.offered, received + sum(signal!.dropped));
      ok(received > 0 && signal!.dropped['rate_limit']! + signal!.dropped['ring_full']! > 0, JSON.stringify(signal));
      ok(most - before < MOST_GROWN, `${(most - before) >> 20} MiB more`);
      const calls = { process: name, syscall: 'kill' };
      await reads(counters, (samples) => samples.total('ebpf_syscall_count', calls), sent);
      t.diagnostic(
        `${truth['perSecond']} signals a second, ${truth['perCpuSecond']} in one of CPU, ${JSON.stringify(signal)}, ${(most - before) >> 20} MiB more`,
      );
    });
  }
});
