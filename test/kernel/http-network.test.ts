import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { alike, bothSides, counts, KEYS } from './http/counted.ts';
import { HttpTalk, type Served } from './http/talk.ts';
import { has, many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own } from './workload.ts';

describe('HTTP by IPv6', { skip }, () => {
  const talk = new HttpTalk();
  after(() => talk[Symbol.dispose]());

  test('is counted alike', async () => {
    const [name, server, count] = [own('six'), own('server6'), 300];
    const at = await talk.serve(server, '::1');
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, at, 'many', count);
    await reads(receiver, bothSides(name, server), alike(counts(count)));
  });
});

describe('HTTP between two network namespaces', () => {
  const namespaces = new TwoNamespaces(9);
  const talk = new HttpTalk();
  after(() => {
    talk[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  });
  const { reason, address, client, server: serverSide } = namespaces;
  const server = own('far');
  let at: Served;
  before(async () => {
    if (reason === false) at = await talk.serve(server, address, serverSide);
  });

  test('is counted once on each side, without the agent being in either', { skip: reason }, async () => {
    const [name, count] = [own('apart'), many(2000)];
    await using receiver = new ObservedReceiver(KEYS);
    await talk.ask(name, at, 'many', count, client);
    const samples = await reads(receiver, bothSides(name, server), alike(counts(count)));
    for (const process of [name, server]) equal(samples.total('ebpf_http_requests_total', { process }), count);
  });

  const noTables = reason || (!has('iptables') && 'needs the command iptables');

  test('a request that comes before the end of the handshake counts, though its socket was not there yet', {
    skip: noTables,
  }, async () => {
    const [name, count] = [own('early'), 20];
    const rule = ['INPUT', '-p', 'tcp', '--dport', String(at.port), '--tcp-flags', 'SYN,ACK,PSH,FIN,RST', 'ACK'];
    // Without the acknowledgement alone the request is what establishes the connection, as with TCP_DEFER_ACCEPT.
    namespaces.run(serverSide, 'iptables', '-A', ...rule, '-j', 'DROP');
    try {
      await using receiver = new ObservedReceiver(KEYS);
      await talk.ask(name, at, 'churn/length/500', count, client);
      const samples = await reads(receiver, bothSides(name, server), alike(counts(count)));
      deepEqual(samples.by('method', 'ebpf_http_requests_total', { process: server }), { GET: count });
    } finally {
      namespaces.run(serverSide, 'iptables', '-D', ...rule, '-j', 'DROP');
    }
  });

  for (const [what, at_, path] of [
    ['responses with a length', client, 'ask/length/200000'],
    ['chunked responses', client, 'ask/chunked/1500'],
    ['requests', serverSide, 'post/100000'],
  ] as const) {
    test(`${what} are counted once where segments are lost and come behind later ones`, {
      skip: noTables,
    }, async () => {
      const [name, count] = [own('loss'), 100];
      const nth = ['-m', 'statistic', '--mode', 'nth', '--every', '23', '--packet', '5'];
      const port = at_ === client ? '--sport' : '--dport';
      const rule = ['INPUT', '-p', 'tcp', port, String(at.port), ...nth, '-j', 'DROP'];
      namespaces.run(at_, 'iptables', '-A', ...rule);
      try {
        await using receiver = new ObservedReceiver(KEYS);
        const sender = at_ === client ? serverSide : client;
        const before = namespaces.tcp(sender)['RetransSegs']!;
        await talk.ask(name, at, path, count, client);
        ok(namespaces.tcp(sender)['RetransSegs']! > before, 'no segment was lost');
        await reads(receiver, bothSides(name, server), alike(counts(count)));
      } finally {
        namespaces.run(at_, 'iptables', '-D', ...rule);
      }
    });
  }
});
