import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS, type SeenEvent } from './event-receiver.ts';
import { ROOMY, WAYS } from './event-ways.ts';
import { skip } from './machine.ts';
import { own, Workloads } from './workload.ts';

const CONNECTIONS = 100;

for (const { way, features } of [
  ...WAYS,
  { way: 'a ring, without storage in sockets', features: { sk_storage: 'off' } },
]) {
  const TCP = { ...NO_EVENTS, ...ROOMY, collect_tcp_events: true, features };

  describe(`events of TCP through ${way}`, { skip: skip }, () => {
    const workloads = new Workloads('sockets');

    /** Where a task is preempted in the program (Linux 7), the kernel leaves it out for others, and counts that: then once more. */
    async function unmissed<T>(run: (receiver: EventReceiver, name: string) => Promise<T>, tries = 5): Promise<T> {
      const name = own('tcp');
      await using receiver = new EventReceiver({ ...TCP, process_filter: [name] });
      const result = await run(receiver, name);
      return tries > 1 && receiver.misses('event_tcp_btf') > 0 ? unmissed(run, tries - 1) : result;
    }

    after(() => workloads[Symbol.dispose]());

    for (const [family, address, type, namespace] of [
      ['4', '127.0.0.1', 'ipv4', 'here'],
      ['6', '::1', 'ipv6', 'here'],
      ['mapped', '127.0.0.1', 'ipv4', 'here'],
      ['4', '127.0.0.1', 'ipv4', 'other'],
    ] as const) {
      test(`tell each connect, accept and close with its payload (${family}, ${namespace})`, async () => {
        const { connects, accepts, closes, again } = await unmissed(async (receiver, name) => {
          const truth = await workloads.run(name, 'tcp', CONNECTIONS, family, namespace);
          const ours = (event: string) => eventsOf(receiver, name, event);
          await receiver.until(() => ours('tcp.close').length >= 2 * CONNECTIONS);
          await receiver.balanced();
          return {
            connects: ours('tcp.connect'),
            accepts: ours('tcp.accept'),
            closes: ours('tcp.close'),
            again: truth['again']!,
          };
        });
        deepEqual([connects.length, accepts.length, closes.length], [CONNECTIONS, CONNECTIONS, 2 * CONNECTIONS]);
        for (const each of [...connects, ...accepts, ...closes]) {
          deepEqual(
            [each['network.local.address'], each['network.peer.address'], each['network.type'], each['error.type']],
            [address, address, type, undefined],
          );
        }
        deepEqual(
          connects.map((each) => [each['network.local.port'], each['network.peer.port']]).sort(),
          accepts.map((each) => [each['network.peer.port'], each['network.local.port']]).sort(),
        );
        ok(connects.every((each) => Number(each['ebpf.tcp.connect_time_ns']) > 0));
        for (const [direction, sent, received] of [
          ['outbound', 128, 1024],
          ['inbound', 1024, 128],
        ] as const) {
          const side = closes.filter((each) => each['ebpf.tcp.direction'] === direction);
          equal(side.length, CONNECTIONS);
          for (const each of side) {
            deepEqual([each['ebpf.tcp.sent_bytes'], each['ebpf.tcp.received_bytes']], [sent, received]);
            ok(Number(each['ebpf.tcp.duration_ns']) > 0 && Number(each['ebpf.tcp.rtt_ns']) > 0);
          }
        }
        // None on a machine that has time; on a slow one TCP sends some again, and the namespace may have others' too.
        const retransmits = closes.reduce((sum, each) => sum + Number(each['ebpf.tcp.retransmits']), 0);
        ok(retransmits <= again, `${retransmits} of ${again}`);
      });
    }

    test('a connection that is refused says why', async () => {
      const name = own('refused');
      await using receiver = new EventReceiver({ ...TCP, process_filter: [name] });
      await workloads.run(name, 'refused', 20, '4', 'here');
      await receiver.balanced();
      deepEqual([eventsOf(receiver, name, 'tcp.accept'), eventsOf(receiver, name, 'tcp.close')], [[], []]);
      const failed = eventsOf(receiver, name, 'tcp.connect');
      equal(failed.length, 20);
      for (const each of failed) equal(each['error.type'], 'ECONNREFUSED');
    });

    test('a connection that is reset says so where it was noticed', async () => {
      const name = own('reset');
      await using receiver = new EventReceiver({ ...TCP, process_filter: [name] });
      await workloads.run(name, 'reset', 20, '4', 'here');
      await receiver.balanced();
      const closes = eventsOf(receiver, name, 'tcp.close');
      equal(closes.length, 40);
      const outbound = closes.filter((each) => each['ebpf.tcp.direction'] === 'outbound');
      equal(outbound.filter((each) => each['error.type'] === 'ECONNRESET').length, 20);
    });
  });
}

/** Sockets that are older than the receiver, of whatever process, are nobody's. */
function eventsOf(receiver: EventReceiver, process: string, event: string): SeenEvent['attributes'][] {
  return receiver
    .events(event)
    .map(({ attributes }) => attributes)
    .filter((attributes) => attributes['process.executable.name'] === process);
}
