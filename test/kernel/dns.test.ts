import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { counts, dns, KEYS, strays } from './dns/counted.ts';
import { DnsTalk } from './dns/talk.ts';
import { many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own } from './workload.ts';

const SERVER = '127.0.53.1';
const TYPES: readonly string[] =
  'A AAAA CNAME SOA PTR MX TXT NS SRV HTTPS SVCB DS DNSKEY ANY CAA NAPTR TLSA other other'.split(' ');
const RCODES: readonly string[] =
  'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE DSOTYPENI RCODE15 BADVERS BADCOOKIE other'.split(
    ' ',
  );

/** How often each comes when one after the other is taken, again and again. */
function shares(of: readonly string[], count: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const each = of[i % of.length]!;
    found[each] = (found[each] ?? 0) + 1;
  }
  return found;
}

describe('DNS', { skip }, () => {
  const talk = new DnsTalk();
  before(() => talk.serve(SERVER));
  after(() => talk[Symbol.dispose]());

  test('10,000 queries of every type and their responses of every code are counted, each once and for who asked', async () => {
    const [name, count] = [own('many'), many(10_000)];
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
    const [name, count] = [own('churn'), many(5000)];
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

  test('what is no DNS is counted apart; what has a header is a query nobody answers', async () => {
    const count = 20;
    const forms = ['short', 'loop', 'reserved', 'cut', 'none', 'long', 'endless'];
    await using receiver = new ObservedReceiver({ ...KEYS, dns_timeout: '1s' });
    for (const form of forms) await talk.ask(own(form), SERVER, `garbage/${form}`, count);
    const seen = (samples: Samples) => forms.map((form) => dns(own(form))(samples));
    const expected = forms.map((form) => {
      const queries = form === 'short' ? 0 : count;
      return counts(queries, { unanswered: queries, responses: 0 });
    });
    const samples = await reads(receiver, seen, expected);
    deepEqual(strays(samples), { unmatched: 0, malformed: { transmit: forms.length * count } });
  });

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
