import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { DnsTalk } from './dns/talk.ts';
import { has, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own } from './workload.ts';

const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: false,
  collect_dns: true,
  exclude_processes: [],
  histogram_labels: ['process'],
};
const SERVER = '127.0.53.1';
const TYPES: readonly string[] =
  'A AAAA CNAME SOA PTR MX TXT NS SRV HTTPS SVCB DS DNSKEY ANY CAA NAPTR TLSA other other'.split(' ');
const RCODES: readonly string[] =
  'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE DSOTYPENI RCODE15 BADVERS BADCOOKIE other'.split(
    ' ',
  );

/** What is known of the DNS of a process. */
function dns(process: string) {
  return (samples: Samples) => ({
    queries: samples.total('ebpf_dns_queries_total', { process }),
    repeated: samples.total('ebpf_dns_queries_repeated_total', { process }),
    unanswered: samples.total('ebpf_dns_queries_unanswered_total', { process }),
    responses: samples.total('ebpf_dns_responses_total', { process }),
    timed: samples.total('ebpf_dns_latency_ns_count', { process }),
  });
}

function counts(queries: number, rest: Partial<ReturnType<ReturnType<typeof dns>>> = {}) {
  const responses = rest.responses ?? queries;
  return { queries, repeated: 0, unanswered: 0, responses, timed: responses, ...rest };
}

/** How often each comes when one after the other is taken, again and again. */
function shares(of: readonly string[], count: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const each = of[i % of.length]!;
    found[each] = (found[each] ?? 0) + 1;
  }
  return found;
}

function strays(samples: Samples) {
  return {
    unmatched: samples.total('ebpf_dns_responses_unmatched_total'),
    malformed: samples.by('direction', 'ebpf_dns_messages_malformed_total'),
  };
}

describe('DNS', { skip }, () => {
  const talk = new DnsTalk();
  before(() => talk.serve(SERVER));
  after(() => talk[Symbol.dispose]());

  test('10,000 queries of every type and their responses of every code are counted, each once and for who asked', async () => {
    const [name, count] = [own('many'), 10_000];
    await using receiver = new ObservedReceiver(KEYS);
    equal((await talk.ask(name, SERVER, 'many', count)).answered, count);
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(samples.by('type', 'ebpf_dns_queries_total', { process: name }), shares(TYPES, count));
    deepEqual(samples.by('type', 'ebpf_dns_responses_total', { process: name }), shares(TYPES, count));
    deepEqual(samples.by('rcode', 'ebpf_dns_responses_total', { process: name }), shares(RCODES, count));
    deepEqual(samples.by('transport', 'ebpf_dns_queries_total', { process: name }), { udp: count });
    // The server's side of the same packets is no other query.
    equal(samples.total('ebpf_dns_queries_total', { process: 'node' }), 0);
    deepEqual(strays(samples), { unmatched: 0, malformed: {} });
  });

  test('5,000 sockets come and go under collections: none is lost, none counts twice', async () => {
    const [name, count] = [own('churn'), 5000];
    await using receiver = new ObservedReceiver(KEYS);
    let isOver = false;
    const asked = talk.ask(name, SERVER, 'sockets/test', count).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await receiver.collect();
      await wait(5);
    }
    await asked;
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(strays(samples), { unmatched: 0, malformed: {} });
  });

  for (const feature of ['tp_btf', 'task_storage', 'iterators', 'batch', 'ringbuf']) {
    test(`the counts are the same with ${feature} off`, async () => {
      const [name, count] = [own('rung'), 300];
      await using receiver = new ObservedReceiver({ ...KEYS, features: { [feature]: 'off' } });
      await talk.ask(name, SERVER, 'many', count);
      await talk.ask(name, SERVER, 'tcp/test', 10);
      await reads(receiver, dns(name), counts(count + 10));
      equal(receiver.scope.reported.at(-1)?.state, 'ok');
    });
  }

  test('a response takes as long as the server waited, at least, and no longer than the client saw', async () => {
    const [name, count] = [own('slow'), 10];
    await using receiver = new ObservedReceiver(KEYS);
    const { shortestMs = 0 } = await talk.ask(name, SERVER, 'ask/delay-40.test', count);
    const samples = await reads(receiver, dns(name), counts(count));
    const meanMs = samples.total('ebpf_dns_latency_ns_sum', { process: name }) / count / 1e6;
    // Timers of Node may be a millisecond early.
    ok(meanMs >= 39, `${meanMs} ms, the client saw ${shortestMs} at least`);
    const below = samples.of('ebpf_dns_latency_ns_bucket', { process: name, le: String(2 ** 25) });
    equal(below[0]?.value, 0);
  });

  test('a query that is sent again is one that waits, and is told as repeated', async () => {
    const [name, count] = [own('again'), 50];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, SERVER, 'again/test', count);
    await reads(receiver, dns(name), counts(3 * count, { repeated: 2 * count, responses: count }));
  });

  test('queries that nobody answers are counted when their time is over, once', async () => {
    const [name, count] = [own('unheard'), 100];
    await using receiver = new ObservedReceiver({ ...KEYS, dns_timeout: '2s' });
    await talk.ask(name, SERVER, 'unheard/drop.test', count);
    await reads(receiver, dns(name), counts(count, { unanswered: count, responses: 0 }));
    const samples = await receiver.read();
    deepEqual(dns(name)(samples), counts(count, { unanswered: count, responses: 0 }));
    deepEqual(samples.by('type', 'ebpf_dns_queries_unanswered_total', { process: name }), { AAAA: count });
  });

  test('another question under the same id leaves the one before unanswered', async () => {
    const [name, count] = [own('reuse'), 50];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, SERVER, 'reuse/', count);
    const samples = await reads(receiver, dns(name), counts(2 * count, { unanswered: count, responses: count }));
    deepEqual(samples.by('type', 'ebpf_dns_queries_unanswered_total', { process: name }), { TXT: count });
  });

  for (const [what, question] of [
    ['comes a second time', 'twice'],
    ['has the id of no query', 'wrong-id'],
    ['has another question', 'other-question'],
  ] as const) {
    test(`a response that ${what} answers nothing`, async () => {
      const [name, count] = [own('stray'), 20];
      await using receiver = new ObservedReceiver(KEYS);
      await talk.ask(name, SERVER, `ask/${question}.test`, count);
      const samples = await reads(receiver, dns(name), counts(count));
      deepEqual(strays(samples), { unmatched: count, malformed: {} });
    });
  }

  test('a response without a question is known by its id', async () => {
    const [name, count] = [own('bare'), 20];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, SERVER, 'ask/no-question.rcode-1.test', count);
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(samples.by('rcode', 'ebpf_dns_responses_total', { process: name }), { FORMERR: count });
  });

  for (const [form, isQuery] of [
    ['short', false],
    ['loop', true],
    ['reserved', true],
    ['cut', true],
    ['none', true],
    ['long', true],
    ['endless', true],
  ] as const) {
    test(`what is no DNS is counted apart (${form})`, async () => {
      const [name, count] = [own('bad'), 20];
      await using receiver = new ObservedReceiver({ ...KEYS, dns_timeout: '1s' });
      await talk.ask(name, SERVER, `garbage/${form}`, count);
      const queries = isQuery ? count : 0;
      const samples = await reads(receiver, dns(name), counts(queries, { unanswered: queries, responses: 0 }));
      deepEqual(strays(samples), { unmatched: 0, malformed: { transmit: count } });
    });
  }

  test('TCP: messages of one segment, each counted', async () => {
    const [name, count] = [own('pipelined'), 50];
    await using receiver = new ObservedReceiver(KEYS);
    equal((await talk.ask(name, SERVER, 'tcp/rcode-3.test', count)).answered, count);
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(samples.by('transport', 'ebpf_dns_queries_total', { process: name }), { tcp: count });
    deepEqual(samples.by('rcode', 'ebpf_dns_responses_total', { process: name }), { NXDOMAIN: count });
  });

  test('TCP: messages over several segments, in both directions', async () => {
    const [name, count] = [own('pieces'), 20];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, SERVER, 'pieces/split.test', count);
    const samples = await reads(receiver, dns(name), counts(count));
    deepEqual(samples.by('type', 'ebpf_dns_queries_total', { process: name }), { AAAA: count });
    deepEqual(strays(samples), { unmatched: 0, malformed: {} });
  });

  test("Node's resolver asks again by TCP when an answer is truncated", async () => {
    const [name, count] = [own('cares'), 20];
    await using receiver = new ObservedReceiver(KEYS);
    equal((await talk.ask(name, SERVER, 'resolver/tc.addresses.test', count)).answered, count);
    const samples = await reads(receiver, dns(name), counts(2 * count));
    deepEqual(samples.by('transport', 'ebpf_dns_queries_total', { process: name }), { udp: count, tcp: count });
  });

  test('names are told apart on request, in lower case', async () => {
    const [name, count] = [own('names'), 20];
    await using receiver = new ObservedReceiver({ ...KEYS, dns_labels: ['name'] });
    await talk.ask(name, SERVER, 'ask/Shop.Example.Test', count);
    await talk.ask(name, SERVER, 'ask/rcode-3.test', count);
    const samples = await reads(receiver, dns(name), counts(2 * count));
    const expected = { 'shop.example.test': count, 'rcode-3.test': count };
    deepEqual(samples.by('name', 'ebpf_dns_queries_total', { process: name }), expected);
    deepEqual(samples.by('name', 'ebpf_dns_responses_total', { process: name }), expected);
  });

  test('names that find no room count without one', async () => {
    const [name, count] = [own('crowd'), 200];
    await using receiver = new ObservedReceiver({ ...KEYS, dns_labels: ['name'], max_entries: 64 });
    await talk.ask(name, SERVER, 'many', count);
    const all = (samples: Samples) => samples.total('ebpf_dns_queries_total');
    const samples = await reads(receiver, all, count);
    const named = Object.keys(samples.by('name', 'ebpf_dns_queries_total')).filter((each) => each !== '');
    ok(named.length > 0 && named.length <= 64, `${named.length} names`);
    equal(samples.total('ebpf_dns_responses_total'), count);
    const ledger = receiver.scope.views.get('ledger')?.({}) as Record<string, number>;
    ok(ledger['names_full']! > 0, JSON.stringify(ledger));
  });

  test('with other ports nothing is counted; without collect_dns nothing is loaded', async () => {
    const [name, count] = [own('off'), 5];
    await using elsewhere = new ObservedReceiver({ ...KEYS, dns_ports: [5353] });
    await using off = new ObservedReceiver({ ...KEYS, collect_dns: false });
    await talk.ask(name, SERVER, 'ask/test', count);
    for (const receiver of [elsewhere, off]) {
      deepEqual(dns(name)(await receiver.read()), counts(0));
      equal(strays(receiver.samples).unmatched, 0);
    }
    const programs = Object.keys(off.programs()).filter((program) => program.startsWith('dns'));
    deepEqual(programs, []);
    deepEqual(
      off.samples.list.filter((sample) => sample.name.startsWith('ebpf_dns')),
      [],
    );
  });
});

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
    const [name, count] = [own('apart'), 2000];
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
