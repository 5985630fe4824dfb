import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bpflow, otelcol, start } from './agents.ts';
import { type Fate, fateOf, POINTS, sample, type Trouble } from './faults.ts';
import { type Protocol, send } from './load.ts';
import { freeAddresses, until } from './program.ts';
import { isFull, missing } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { Sink } from './sink.ts';

const skip = missing('sink', 'loadgen', 'otelcol');
const always = 1_000_000;

interface Case extends Trouble {
  /** Points that are dropped, by the reason that the ledger gives. */
  readonly drops?: Readonly<Record<string, number>>;
  /** Over HTTP, where a status or its absence means something else. */
  readonly http?: Pick<Case, 'drops'>;
}

const gaveUp = { retries_exhausted: POINTS };
const refused = { permanent: POINTS };

/** The faults of every run, then those of the full suite. */
const often: Readonly<Record<string, Case>> = {
  'UNAVAILABLE twice': { fault: { 'fail-first': 2, code: 'UNAVAILABLE' } },
  'UNAVAILABLE until it gives up': { fault: { 'fail-first': always, code: 'UNAVAILABLE' }, drops: gaveUp },
  'UNAVAILABLE once, with a delay': { fault: { 'fail-first': 1, code: 'UNAVAILABLE', 'retry-info-ms': 1000 } },
  'RESOURCE_EXHAUSTED once': {
    fault: { 'fail-first': 1, code: 'RESOURCE_EXHAUSTED' },
    drops: refused,
    http: { drops: {} },
  },
  'RESOURCE_EXHAUSTED once, with a delay': {
    fault: { 'fail-first': 1, code: 'RESOURCE_EXHAUSTED', 'retry-info-ms': 1000 },
  },
  'INVALID_ARGUMENT once': { fault: { 'fail-first': 1, code: 'INVALID_ARGUMENT' }, drops: refused },
  'a part rejected': { fault: { partial: 30 }, drops: { rejected: 30 } },
  'cut once in mid-stream': { fault: { cut: 1 } },
  'cut until it gives up': { fault: { cut: always }, drops: gaveUp },
  'too slow until it gives up': { fault: { 'delay-ms': 600 }, drops: gaveUp },
  'dead for a while': { deadMs: isFull ? 60_000 : 1000 },
};
/** Over HTTP the sink answers 500 where it has no status of its own. */
const sometimes: Readonly<Record<string, Case>> = Object.fromEntries(
  Object.entries({
    ...{ CANCELLED: 'retried', DEADLINE_EXCEEDED: 'retried', ABORTED: 'retried' },
    ...{ OUT_OF_RANGE: 'retried', DATA_LOSS: 'retried' },
    ...{ UNKNOWN: 'refused', NOT_FOUND: 'refused', ALREADY_EXISTS: 'refused', PERMISSION_DENIED: 'refused' },
    ...{ FAILED_PRECONDITION: 'refused', UNIMPLEMENTED: 'refused', INTERNAL: 'refused', UNAUTHENTICATED: 'refused' },
  }).map(([code, fate]): [string, Case] => [
    `${code} once`,
    {
      fault: { 'fail-first': 1, code },
      drops: fate === 'refused' ? refused : {},
      http: { drops: code === 'DEADLINE_EXCEEDED' ? {} : refused },
    },
  ]),
);

describe('a fault has the same fate as in the Collector', { skip, concurrency: 2 }, () => {
  for (const protocol of ['grpc', 'http'] as const) {
    for (const [name, trouble] of Object.entries(isFull ? { ...often, ...sometimes } : often)) {
      test(`${protocol}: ${name}`, async (t) => {
        const { fate: reference } = await fateOf(otelcol, protocol, trouble);
        const { fate: own, ledger } = await fateOf(bpflow, protocol, trouble);
        t.diagnostic(`otelcol ${summary(reference)}; bpflow ${summary(own)}`);
        assert.deepEqual(exact(own, trouble), exact(reference, trouble));
        const { drops = {} } = { ...trouble, ...(protocol === 'http' ? trouble.http : {}) };
        assert.deepEqual(ledger, { dropped: drops, balanced: true });
      });
    }
  }
});

describe('without a queue whoever sends is told what the Collector tells', { skip, concurrency: 2 }, () => {
  const faults = [
    'UNAVAILABLE until it gives up',
    'INVALID_ARGUMENT once',
    'a part rejected',
    'too slow until it gives up',
  ];
  for (const protocol of ['grpc', 'http'] as const) {
    for (const name of faults) {
      test(`${protocol}: ${name}`, async (t) => {
        const trouble = { ...often[name]!, queue: false };
        const { fate: reference } = await fateOf(otelcol, protocol, trouble);
        const { fate: own, ledger } = await fateOf(bpflow, protocol, trouble);
        t.diagnostic(`otelcol ${summary(reference)}; bpflow ${summary(own)}`);
        assert.deepEqual(exact(own, trouble), exact(reference, trouble));
        // The sender still has what it was not told OK for.
        const drops = name === 'a part rejected' ? often[name]!.drops : {};
        assert.deepEqual(ledger, { dropped: drops, balanced: true });
      });
    }
  }
});

describe('a dead back end behind batch', { skip }, () => {
  for (const protocol of ['grpc', 'http'] as const) {
    test(`${protocol}: whoever sends is refused when the queue is full, and what was taken arrives`, () =>
      survive(protocol, { queue_size: 5 }));
  }
  for (const sending_queue of [
    { queue_size: 5 },
    { sizer: 'items', queue_size: 20_000 },
    { sizer: 'bytes', queue_size: 3_000_000 },
  ]) {
    const { sizer = 'requests', queue_size } = sending_queue;
    test(`beside one that lives, with room for ${queue_size} ${sizer}: both get all that was taken`, () =>
      survive('grpc', sending_queue, true));
  }
});

/** `beside`: there is a second exporter, whose back end takes everything. */
async function survive(protocol: Protocol, sending_queue: object, beside = false): Promise<void> {
  const addresses = await freeAddresses(5);
  const [listen, metrics, ...ofSink] = addresses as [string, string, ...string[]];
  const target = protocol === 'grpc' ? ofSink[0]! : ofSink[1]!;
  const relay = relayConfiguration({
    ...{ listen, metrics, protocol, target },
    exporter: {
      sending_queue,
      retry_on_failure: { initial_interval: '100ms', max_interval: '500ms', max_elapsed_time: 0 },
    },
  });
  await using alive = await Sink.start();
  const { service, exporters, ...rest } = relay;
  const lively = { endpoint: alive.grpc, tls: { insecure: true } };
  const pipeline = { receivers: ['otlp'], processors: ['batch'], exporters: [`otlp_${protocol}`, 'otlp_grpc/alive'] };
  const configuration = !beside
    ? relay
    : {
        ...rest,
        exporters: { ...(exporters as object), 'otlp_grpc/alive': lively },
        service: { ...service, pipelines: { metrics: pipeline } },
      };
  await using agent = await start(bpflow, { ...configuration, processors: { batch: { timeout: '50ms' } } });
  const sent = await send({ endpoint: listen, protocol, requests: 400, timeout: '5s' });
  assert.ok(sent.requests_ok > 0 && sent.requests_failed > 0, `${JSON.stringify(sent)}\n${agent.log}`);
  assert.deepEqual(
    Object.keys(sent.codes).toSorted(),
    protocol === 'grpc' ? ['OK', 'Unavailable'] : ['503', 'OK'],
    JSON.stringify(sent),
  );
  await using dead = await Sink.start({ addresses: ofSink });
  for (const sink of beside ? [dead, alive] : [dead]) {
    await until(
      async () => (await sink.counts()).points >= sent.points_ok,
      async () => `${(await sink.counts()).points} of ${sent.points_ok} arrived:\n${agent.log}`,
      undefined,
      15,
    );
    const { points, ids } = await sink.counts();
    assert.deepEqual([points, ids['metrics']!.duplicates], [sent.points_ok, 0]);
  }
  const page = await (await fetch(`http://${metrics}/metrics`)).text();
  const refusal = `code="${protocol === 'grpc' ? 'UNAVAILABLE' : 503}"`;
  assert.deepEqual(
    {
      accepted: sample(page, 'otelcol_receiver_accepted_metric_points'),
      // Told before the request was read: nobody knows how many points it had.
      refusedRequests: sample(page, 'bpflow_otlp_receiver_requests', refusal),
      sent: sample(page, 'otelcol_exporter_sent_metric_points'),
      failed: sample(page, 'otelcol_exporter_send_failed_metric_points'),
      dropped: sample(page, 'bpflow_ledger_dropped_items'),
      held: sample(page, 'bpflow_ledger_held_items'),
      imbalance: sample(page, 'bpflow_ledger_imbalance_items'),
    },
    {
      ...{ accepted: sent.points_ok, refusedRequests: sent.requests_failed, failed: 0 },
      ...{ sent: sent.points_ok * (beside ? 2 : 1), dropped: 0, held: 0, imbalance: 0 },
    },
  );
}

function summary({ delivered, attempts, sent, failed, told }: Fate): string {
  const answers = Object.keys(told).join();
  return `delivered ${delivered} of ${POINTS} in ${attempts} attempts, sent ${sent}, failed ${failed}, told ${answers}`;
}

/** How often it tries until it gives up, or until somebody is there, depends on the clock: then only whether it tried again is compared. */
function exact(fate: Fate, { fault = {}, deadMs = 0 }: Trouble): unknown {
  const givesUp = fault['fail-first'] === always || fault['delay-ms'] !== undefined;
  const told = Object.keys(fate.told).map(meaning);
  if (!givesUp && deadMs === 0) return { ...fate, told };
  const { attempts, delivered, duplicates, ...rest } = { ...fate, told };
  return { ...rest, isRetried: attempts > 1, isDelivered: delivered > 0, hasDuplicates: duplicates > 0 };
}

/** By OTLP's table. */
function meaning(answer: string): 'taken' | 'send it again' | 'never again' {
  if (answer === 'OK') return 'taken';
  const again = ['Canceled', 'DeadlineExceeded', 'Aborted', 'OutOfRange', 'Unavailable', 'DataLoss'];
  return [...again, '429', '502', '503', '504'].includes(answer) ? 'send it again' : 'never again';
}
