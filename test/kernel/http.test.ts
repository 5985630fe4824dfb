import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { alike, bothSides, counts, http, KEYS, Since, strays } from './http/counted.ts';
import { HttpTalk, type Served } from './http/talk.ts';
import { many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own } from './workload.ts';

function ledger(receiver: ObservedReceiver, name: string): number {
  const all = receiver.scope.views.get('ledger')!({}) as Record<string, number>;
  return all[name]!;
}

describe('HTTP', { skip }, () => {
  const talk = new HttpTalk();
  const server = own('server');
  let at: Served;
  let receiver: ObservedReceiver;
  before(async () => {
    at = await talk.serve(server, '127.0.0.1');
    receiver = new ObservedReceiver(KEYS);
  });
  after(async () => {
    await receiver[Symbol.asyncDispose]();
    talk[Symbol.dispose]();
  });

  test('20,000 requests of every method and their responses of every code are counted, each once on either side', async () => {
    const [name, count] = [own('many'), many(20_000)];
    const counted = await Since.now(receiver);
    const truth = await talk.ask(name, at, 'many', count);
    const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
    const { PROPFIND: other = 0, ...methods } = truth.methods!;
    for (const [process, role] of [
      [name, 'client'],
      [server, 'server'],
    ]) {
      deepEqual(samples.by('method', 'ebpf_http_requests_total', { process: process!, role: role! }), {
        ...methods,
        _OTHER: other,
      });
      deepEqual(samples.by('status', 'ebpf_http_responses_total', { process: process!, role: role! }), truth.statuses);
    }
  });

  test('3,000 connections come and go under collections: nothing is lost, nothing counts twice', async () => {
    const [name, count] = [own('churn'), many(3000)];
    const counted = await Since.now(receiver);
    let isOver = false;
    const asked = talk.ask(name, at, 'churn/length/100', count).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await receiver.collect();
      await wait(5);
    }
    await asked;
    await reads(counted, bothSides(name, server), alike(counts(count)));
  });

  for (const feature of ['tp_btf', 'task_storage', 'iterators', 'batch']) {
    test(`the counts are the same with ${feature} off`, async () => {
      const [name, count] = [own('rung'), 200];
      await using receiver = new ObservedReceiver({ ...KEYS, features: { [feature]: 'off' } });
      await talk.ask(name, at, 'many', count);
      await reads(receiver, bothSides(name, server), alike(counts(count)));
      equal(receiver.scope.reported.at(-1)?.state, 'ok');
    });
  }

  test('a response takes as long as the server waited, at least, and no longer than the client saw', async () => {
    const [name, count] = [own('slow'), 10];
    const counted = await Since.now(receiver);
    const { shortestMs = 0 } = await talk.ask(name, at, 'ask/delay/40', count);
    const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
    for (const [process, role] of [
      [name, 'client'],
      [server, 'server'],
    ]) {
      const of = { process: process!, role: role! };
      const meanMs = samples.total('ebpf_http_duration_ns_sum', of) / count / 1e6;
      // Timers of Node may be a millisecond early.
      ok(meanMs >= 39, `${role}: ${meanMs} ms, the client saw ${shortestMs} at least`);
      equal(samples.of('ebpf_http_duration_ns_bucket', { ...of, le: String(2 ** 25) })[0]?.value, 0);
    }
  });

  test('sixteen requests in one segment, with bodies that look like requests, are sixteen', async () => {
    const [name, count] = [own('pipelined'), 480];
    const counted = await Since.now(receiver);
    await talk.ask(name, at, 'pipelined', count);
    const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
    const byMethod = { GET: count / 2, HEAD: count / 4, POST: count / 4 };
    deepEqual(samples.by('method', 'ebpf_http_requests_total', { process: server }), byMethod);
  });

  test('of more than 32 requests that wait the others count without a time', async () => {
    const [name, count] = [own('deep'), 44];
    const counted = await Since.now(receiver);
    const full = ledger(receiver, 'http_waiting_full');
    await talk.ask(name, at, `deep/${count}`, 1);
    const sides = (samples: Samples) => {
      const { timed, ...rest } = http(name, 'client')(samples);
      return { ...rest, isTimed: timed >= 42 && timed < count + 10 };
    };
    const expected = { requests: count + 10, unanswered: 0, responses: count + 10, isTimed: true };
    const samples = await reads(counted, sides, expected);
    equal(samples.total('ebpf_http_responses_total', { process: server }), count + 10);
    // Those that came first and had no room are of no process.
    ok(samples.total('ebpf_http_requests_total', { role: 'server' }) >= count + 10);
    ok(ledger(receiver, 'http_waiting_full') > full);
  });

  test('lines that are too many for one packet are told as lost, and what comes after the turn counts', async () => {
    const name = own('lines');
    const counted = await Since.now(receiver);
    const lost = ledger(receiver, 'http_stream_lost');
    await talk.ask(name, at, 'deep/400', 1);
    // 1024 lines are 341 requests of three, and the line of one more; ten come later.
    const requests = (samples: Samples) => http(name, 'client')(samples).requests;
    const samples = await reads(counted, requests, 342 + 10);
    const { responses } = http(name, 'client')(samples);
    ok(responses >= 10 && responses <= 342 + 10, `${responses} responses`);
    ok(ledger(receiver, 'http_stream_lost') > lost);
  });

  test('heads, lengths of chunks and trailers over segments of one byte are read, in both directions', async () => {
    const [name, count] = [own('pieces'), 4];
    const counted = await Since.now(receiver);
    await talk.ask(name, at, 'pieces/pieces', count);
    const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
    deepEqual(samples.by('status', 'ebpf_http_responses_total', { process: name }), { 203: count });
  });

  for (const path of ['chunked/200', 'length/300000', 'until-close', 'many-chunks/200']) {
    test(`what looks like messages in a body is none: ${path}`, async () => {
      const [name, count] = [own('body'), 20];
      const counted = await Since.now(receiver);
      await talk.ask(name, at, `churn/${path}`, count);
      await reads(counted, bothSides(name, server), alike(counts(count)));
    });
  }

  for (const [what, mode, interim] of [
    ['103 Early Hints', 'ask/hints', '103'],
    ['100 Continue', 'expect', '100'],
  ] as const) {
    test(`${what} comes beside the final response, and does not answer the request`, async () => {
      const [name, count] = [own('interim'), 20];
      const counted = await Since.now(receiver);
      await talk.ask(name, at, mode, count);
      const expected = counts(count, { responses: 2 * count, timed: count });
      const samples = await reads(counted, bothSides(name, server), alike(expected));
      const byStatus = samples.by('status', 'ebpf_http_responses_total', { process: name });
      deepEqual(byStatus, { [interim]: count, 200: count });
    });
  }

  test('connections that are older than the agent are read from their next request on', async () => {
    const [name, count] = [own('older'), 100];
    const client = await talk.begin(name, at, 'older', count);
    await using receiver = new ObservedReceiver(KEYS);
    await client.end();
    await reads(receiver, bothSides(name, server), alike(counts(count)));
  });

  test('requests whose connection the server closes without a response are unanswered, on both sides', async () => {
    const [name, count] = [own('closed'), 20];
    const counted = await Since.now(receiver);
    await talk.ask(name, at, 'ask/close', count);
    const unanswered = counts(count, { unanswered: count, responses: 0 });
    await reads(counted, bothSides(name, server), alike(unanswered));
  });

  for (const [mode, method] of [
    ['abandoned', 'GET'],
    ['reset', 'DELETE'],
  ] as const) {
    test(`requests are unanswered where the client does not wait: ${mode}`, async () => {
      const [name, count] = [own(mode), 10];
      const slow = await talk.serve(own('slow'), '127.0.0.1');
      const counted = await Since.now(receiver);
      await talk.ask(name, slow, mode, count);
      const unanswered = counts(count, { unanswered: count, responses: 0 });
      const samples = await reads(counted, http(name, 'client'), unanswered);
      const byMethod = samples.by('method', 'ebpf_http_requests_unanswered_total', { process: name });
      deepEqual(byMethod, { [method]: count });
    });
  }

  for (const [mode, method, status] of [
    ['tunnel', 'CONNECT', '200'],
    ['upgrade', 'GET', '101'],
  ] as const) {
    test(`behind ${mode === 'tunnel' ? 'CONNECT' : 'an upgrade'} there is no HTTP any more`, async () => {
      const [name, count] = [own(mode), 10];
      const counted = await Since.now(receiver);
      await talk.ask(name, at, mode, count);
      const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
      deepEqual(samples.by('method', 'ebpf_http_requests_total', { process: name }), { [method]: count });
      deepEqual(samples.by('status', 'ebpf_http_responses_total', { process: name }), { [status]: count });
    });
  }

  test('a response that nobody asked for answers nothing', async () => {
    const [name, count] = [own('twice'), 20];
    const counted = await Since.now(receiver);
    await talk.ask(name, at, 'stray', count);
    const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
    const { client: atClient = 0, server: atServer = 0 } = strays(samples).unmatched;
    ok(atClient >= count && atServer >= count, `${atClient} at clients, ${atServer} at servers`);
  });

  for (const [mode, message] of [
    ['garbage', 'request'],
    ['ask/bad-length', 'response'],
  ] as const) {
    test(`what is not understood is counted apart: ${mode}`, async () => {
      const [name, count] = [own('bad'), 10];
      const counted = await Since.now(receiver);
      await talk.ask(name, at, mode, count);
      const samples = await reads(counted, bothSides(name, server), alike(counts(count)));
      const { [message]: found = 0 } = strays(samples).malformed;
      ok(found >= 2 * count, `${found} malformed`);
    });
  }

  for (const [mode, protocol] of [
    ['tls', 'tls'],
    ['http2', 'http2'],
  ] as const) {
    test(`connections of ${mode} are told as such, and not read`, async () => {
      const [name, count] = [own(mode), 5];
      const counted = await Since.now(receiver);
      await talk.ask(name, at, mode, count);
      const unread = (samples: Samples) => {
        const { client = 0, server = 0 } = samples.by('role', 'ebpf_http_connections_unread_total', { protocol });
        return client >= count && server >= count;
      };
      const samples = await reads(counted, unread, true);
      deepEqual(bothSides(name, server)(samples), alike(counts(0)));
    });
  }

  test('other protocols are let go by their first bytes or their first line', async () => {
    const name = own('binary');
    const counted = await Since.now(receiver);
    await talk.ask(name, at, 'binary', 4);
    const last = own('last');
    await talk.ask(last, at, 'ask', 3);
    const samples = await reads(counted, bothSides(last, server), alike(counts(3)));
    deepEqual(http(name, 'client')(samples), counts(0));
  });

  test('without collect_http nothing is loaded', async () => {
    await using off = new ObservedReceiver({ ...KEYS, collect_http: false });
    await talk.ask(own('off'), at, 'ask', 5);
    const samples = await off.read();
    deepEqual(
      Object.keys(off.programs()).filter((program) => program.startsWith('http')),
      [],
    );
    deepEqual(
      samples.list.filter(({ name }) => name.startsWith('ebpf_http')),
      [],
    );
  });
});
