import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { PermanentError, RetryableError } from 'bpflow/sdk';
import { EventReceiver, NO_EVENTS, sum } from './event-receiver.ts';
import { ROOMY, WAYS } from './event-ways.ts';
import { many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

for (const { way, features } of WAYS) {
  const SIGNALS = { ...NO_EVENTS, ...ROOMY, collect_signal_events: true, features };

  describe(`events through ${way}`, { skip }, () => {
    const workloads = new Workloads();
    after(() => workloads[Symbol.dispose]());

    test('in a storm drops by its limit, counts each, and leaves the counters alone', async () => {
      const name = own('storm');
      const storm = many(process.env['BPFLOW_SUITE'] === 'full' ? 1_000_000 : 60_000);
      await using counters = new ObservedReceiver({ syscall_latency: false });
      const keys = { ...SIGNALS, event_rate_limit: many(1000), process_filter: [name] };
      await using receiver = new EventReceiver(keys);
      await workloads.run(name, 'sigreturn', storm);
      const { signal } = await receiver.balanced();
      const { offered, received, dropped } = signal!;
      ok(offered >= storm, `${offered} offered`);
      ok(dropped['rate_limit']! > 0 && received > 0, JSON.stringify(signal));
      equal(receiver.events('process.signal').length, received);
      ok(received + dropped['rate_limit']! + dropped['ring_full']! >= storm);
      const calls = { process: name, syscall: 'tgkill' };
      await reads(counters, (samples) => samples.total('ebpf_syscall_count', calls), storm);
    });

    test('keeps what the ring holds while nobody takes it, and the kernel counts the rest', async () => {
      const name = own('full');
      await using receiver = new EventReceiver({
        ...SIGNALS,
        process_filter: [name],
        event_rate_limit: 1_000_000,
        ring_buffer_size: 4096,
        perf_buffer_size: 4096,
      });
      receiver.refusal = new RetryableError('The test is busy.');
      await workloads.run(name, 'sigreturn', 2000);
      equal(receiver.events().length, 0);
      ok(receiver.balance()['signal']!.dropped['ring_full']! > 1900);
      receiver.refusal = undefined;
      await receiver.balanced();
      const ours = receiver.events().filter(({ attributes }) => attributes['process.executable.name'] === name);
      ok(ours.length > 0 && ours.length < 100, `${ours.length} in a page`);
      // What others on this machine sent found no room either.
      ok(ours.length + receiver.balance()['signal']!.dropped['ring_full']! >= 2000);
    });

    test('a batch that is refused, at once or later, is offered again: nothing is lost or doubled', async () => {
      const name = own('again');
      await using receiver = new EventReceiver({ ...SIGNALS, process_filter: [name] });
      let refusals = 0;
      receiver.onBatch = (batch) => {
        if (++refusals > 5) receiver.onBatch = undefined;
        if (refusals > 5) receiver.batches.push(batch);
        else if (refusals % 2 === 0) return Promise.reject(new RetryableError('The test is busy.'));
        else throw new RetryableError('The test is busy.');
        return undefined;
      };
      await workloads.run(name, 'sigreturn', 100);
      await receiver.balanced();
      ok(refusals > 5);
      equal(receiver.events('process.signal').length, 100);
    });

    test('what is refused for good is counted as rejected', async () => {
      const name = own('never');
      await using receiver = new EventReceiver({ ...SIGNALS, process_filter: [name] });
      receiver.onBatch = () => {
        throw new PermanentError('The test does not want it.');
      };
      await workloads.run(name, 'sigreturn', 100);
      const { signal } = await receiver.balanced();
      deepEqual([signal!.received, signal!.dropped['rejected']], [0, 100]);
    });

    test('what is in the ring at the end is handed on', async () => {
      const name = own('last');
      const receiver = new EventReceiver({ ...SIGNALS, process_filter: [name] });
      receiver.refusal = new RetryableError('The test is busy.');
      await workloads.run(name, 'sigreturn', 100);
      equal(receiver.events().length, 0);
      receiver.refusal = undefined;
      await receiver.stop();
      equal(receiver.events('process.signal').length, 100);
    });

    test('only the programs of what is asked for are attached', async () => {
      const programs = async (keys: Readonly<Record<string, unknown>>) => {
        await using receiver = new EventReceiver({ ...NO_EVENTS, ...keys });
        return Object.keys(receiver.programs()).filter((program) => program.startsWith('event_'));
      };
      deepEqual(await programs({}), []);
      deepEqual(await programs({ collect_signal_events: true }), ['event_signal_btf']);
      deepEqual(await programs({ collect_tcp_events: true, features }), ['event_tcp_btf']);
      await using metricsAlone = new ObservedReceiver({ collect_signal_events: true });
      deepEqual(
        Object.keys(metricsAlone.programs()).filter((program) => program.startsWith('event_')),
        [],
      );
    });

    test('processes that are filtered out are dropped in the kernel, and counted', async () => {
      const [kept, left] = [own('kept'), own('left')];
      await using receiver = new EventReceiver({ ...SIGNALS, exclude_processes: [left] });
      await workloads.run(left, 'sigreturn', 5000);
      await workloads.run(kept, 'sigreturn', 50);
      const { signal } = await receiver.balanced();
      ok(signal!.dropped['excluded']! > 0, JSON.stringify(signal));
      ok(signal!.dropped['excluded']! + signal!.dropped['filtered']! >= 5000);
      const of = (name: string) =>
        receiver.events().filter(({ attributes }) => attributes['process.executable.name'] === name).length;
      deepEqual([of(kept), of(left)], [50, 0]);
      ok(sum(signal!.dropped) >= 5000);
    });

    test('a signal says who sent it', async () => {
      const name = own('target');
      await using receiver = new EventReceiver({ ...SIGNALS, process_filter: [name] });
      const child = spawn(workloads.program(name), ['sleeper', '60'], { stdio: 'ignore' });
      await once(child, 'spawn');
      child.kill('SIGTERM');
      await once(child, 'exit');
      await receiver.until(() => receiver.events('process.signal').length > 0);
      const [event] = receiver.events('process.signal');
      equal(event?.attributes['process.pid'], child.pid);
      equal(event?.attributes['ebpf.signal.name'], 'SIGTERM');
      equal(event?.attributes['ebpf.signal.sender.pid'], process.pid);
    });
  });
}
