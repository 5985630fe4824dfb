import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { counts, dns, KEYS, strays } from './dns/counted.ts';
import { DnsTalk } from './dns/talk.ts';
import { has, many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own } from './workload.ts';

describe('DNS of IPv6', { skip }, () => {
  const talk = new DnsTalk();
  before(() => talk.serve('::1'));
  after(() => talk[Symbol.dispose]());

  test('is counted alike, by UDP and TCP', async () => {
    const [name, count] = [own('six'), 500];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, '::1', 'many', count);
    await talk.ask(name, '::1', 'tcp/test', 20);
    const samples = await reads(receiver, dns(name), counts(count + 20));
    deepEqual(samples.by('transport', 'ebpf_dns_queries_total', { process: name }), { udp: count, tcp: 20 });
  });
});

describe('DNS between two network namespaces', () => {
  const namespaces = new TwoNamespaces();
  const talk = new DnsTalk();
  after(() => {
    talk[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  });
  const { reason, address, client, server } = namespaces;
  before(async () => {
    if (reason === false) await talk.serve(address, server);
  });

  test('is counted on the side of the client alone, without the agent being in either', { skip: reason }, async () => {
    const [name, count] = [own('apart'), many(2000)];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, address, 'many', count, client);
    await talk.ask(name, address, 'tcp/test', 50, client);
    const samples = await reads(receiver, dns(name), counts(count + 50));
    equal(samples.total('ebpf_dns_queries_total'), count + 50);
    deepEqual(strays(samples), { unmatched: 0, malformed: {} });
  });

  const noTables = reason || (!has('iptables') && 'needs the command iptables');
  test('by TCP is counted where a segment was lost and comes behind later ones', { skip: noTables }, async () => {
    const [name, count] = [own('loss'), 50];
    const nth = ['-m', 'statistic', '--mode', 'nth', '--every', '1000000', '--packet', '20'];
    const rule = ['INPUT', '-p', 'tcp', '--sport', '53', ...nth, '-j', 'DROP'];
    namespaces.run(client, 'iptables', '-A', ...rule);
    await using receiver = new ObservedReceiver(KEYS);
    const before = namespaces.tcp(server)['RetransSegs']!;
    equal((await talk.ask(name, address, 'tcp/delay-1.test', count, client)).answered, count);
    namespaces.run(client, 'iptables', '-D', ...rule);
    ok(namespaces.tcp(server)['RetransSegs']! > before, 'no segment was lost');
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(strays(samples), { unmatched: 0, malformed: {} });
  });

  test('is known by the socket where packets are redirected to another port, as by Docker', {
    skip: noTables,
  }, async () => {
    const [name, count] = [own('dnat'), 50];
    const [local, port] = ['127.0.0.11', 40_053];
    await talk.serve(local, client, port);
    for (const protocol of ['udp', 'tcp']) {
      const to = ['-j', 'DNAT', '--to-destination', `${local}:${port}`];
      const rule = ['-t', 'nat', '-A', 'OUTPUT', '-d', local, '-p', protocol, '--dport', '53', ...to];
      namespaces.run(client, 'iptables', ...rule);
    }
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, local, 'ask/test', count, client);
    await talk.ask(name, local, 'tcp/test', count, client);
    await reads(receiver, dns(name), counts(2 * count));
  });

  const noResolver = reason || (!has('getent') && 'needs the command getent');
  test("glibc's resolver asks for both families by one socket", { skip: noResolver }, async () => {
    const [name, count] = [own('glibc'), 10];
    using resolver = namespaces.resolver(client, address);
    const program = talk.link('getent', name);
    await using receiver = new ObservedReceiver(KEYS);
    for (let i = 0; i < count; i++) {
      const found = namespaces.run(client, program, 'ahosts', `n${i}.addresses.test`);
      ok(found.includes('192.0.2.1'), `${found} with ${resolver.path}`);
    }
    const samples = await reads(receiver, dns(name), counts(2 * count));
    deepEqual(samples.by('type', 'ebpf_dns_queries_total', { process: name }), { A: count, AAAA: count });
  });
});
