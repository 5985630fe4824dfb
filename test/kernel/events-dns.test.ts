import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DnsTalk } from './dns/talk.ts';
import { EventReceiver, NO_EVENTS, type SeenEvent, sum } from './event-receiver.ts';
import { ROOMY, WAYS } from './event-ways.ts';
import { many, skip } from './machine.ts';
import { own } from './workload.ts';

const DNS = { ...NO_EVENTS, ...ROOMY, collect_dns: true };
const SERVER = '127.0.53.2';

describe('events of DNS', { skip }, () => {
  const talk = new DnsTalk();
  before(() => talk.serve(SERVER));
  after(() => talk[Symbol.dispose]());

  const cases = [
    ['udp', 'ask'],
    ['tcp', 'tcp'],
  ] as const;
  for (const [transport, mode, { way, features }] of cases.flatMap((each) =>
    WAYS.map((way) => [...each, way] as const),
  )) {
    test(`tell each query and each response with name, type, code and latency (${transport}, ${way})`, async () => {
      const [name, count] = [own('dns'), 20];
      await using receiver = new EventReceiver({ ...DNS, features, process_filter: [name] });
      await talk.ask(name, SERVER, `${mode}/delay-20.addresses.Example.test`, count);
      await receiver.until(() => receiver.events('dns.response').length >= count);
      const balance = await receiver.balanced();
      deepEqual([balance['dns_query']!.received, balance['dns_response']!.received], [count, count]);
      const [queries, responses] = [receiver.events('dns.query'), receiver.events('dns.response')];
      for (const { attributes, severity, body } of [...queries, ...responses]) {
        deepEqual(
          {
            name: attributes['dns.question.name'],
            type: attributes['dns.question.type'],
            process: attributes['process.executable.name'],
            transport: attributes['network.transport'],
            peer: [attributes['network.peer.address'], attributes['network.peer.port']],
            severity,
          },
          {
            name: 'delay-20.addresses.Example.test',
            type: 'A',
            process: name,
            transport,
            peer: [SERVER, 53],
            severity: 'DEBUG',
          },
        );
        ok(Number(attributes['process.pid']) > 0);
        ok(body.startsWith(name), body);
      }
      const ids = (events: readonly SeenEvent[]) => events.map(({ attributes }) => attributes['ebpf.dns.id']);
      deepEqual(
        ids(queries),
        Array.from({ length: count }, (_, i) => i + 1),
      );
      deepEqual(ids(responses), ids(queries));
      for (const { attributes } of responses) {
        equal(attributes['dns.response_code'], 'NOERROR');
        deepEqual(attributes['dns.answers'], ['192.0.2.1', '192.0.2.2']);
        // Timers of Node may be a millisecond early.
        ok(Number(attributes['ebpf.dns.latency_ns']) >= 19e6, String(attributes['ebpf.dns.latency_ns']));
      }
    });
  }

  test('say what went wrong, and what was asked again', async () => {
    const name = own('wrong');
    await using receiver = new EventReceiver({ ...DNS, process_filter: [name] });
    await talk.ask(name, SERVER, 'ask/rcode-3.test', 1);
    await talk.ask(name, SERVER, 'ask/rcode-2.test', 1);
    await talk.ask(name, SERVER, 'ask/rcode-23.test', 1);
    await talk.ask(name, SERVER, 'again/test', 1);
    await receiver.until(() => receiver.events('dns.response').length >= 4);
    await receiver.balanced();
    deepEqual(
      receiver.events('dns.response').map(({ attributes, severity }) => [attributes['dns.response_code'], severity]),
      [
        ['NXDOMAIN', 'INFO'],
        ['SERVFAIL', 'WARN'],
        ['BADCOOKIE', 'WARN'],
        ['NOERROR', 'DEBUG'],
      ],
    );
    const asked = receiver.events('dns.query').map(({ attributes }) => attributes['ebpf.dns.repeated']);
    deepEqual(asked, [undefined, undefined, undefined, undefined, true, true]);
  });

  test('what finds no room, or is above the limit, is counted', async () => {
    const [name, count] = [own('storm'), many(3000)];
    await using receiver = new EventReceiver({ ...DNS, event_rate_limit: many(500), ring_buffer_size: 65_536 });
    await talk.ask(name, SERVER, 'many', count);
    const { dns_query: queries, dns_response: responses } = await receiver.balanced();
    deepEqual([queries!.offered, responses!.offered], [count, count]);
    ok(sum(queries!.dropped) > 0 && queries!.dropped['rate_limit']! > 0, JSON.stringify(queries));
  });

  test('with collect_dns_events off there are none', async () => {
    const name = own('quiet');
    await using receiver = new EventReceiver({ ...DNS, collect_dns_events: false, collect_oom_events: true });
    await talk.ask(name, SERVER, 'ask/test', 3);
    equal((await receiver.balanced())['dns_query']!.offered, 0);
  });
});
