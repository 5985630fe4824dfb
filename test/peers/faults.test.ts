import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bpflow, otelcol, start } from './agents.ts';
import { type Fate, fateOf, POINTS, sample } from './faults.ts';
import { send } from './load.ts';
import { freeAddresses, until } from './program.ts';
import { isFull, missing } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { type Fault, Sink } from './sink.ts';

const skip = missing('sink', 'loadgen', 'otelcol');
const always = 1_000_000;

/** The faults of every run, then those of the full suite. */
const often: Readonly<Record<string, Fault>> = {
  'UNAVAILABLE twice': { 'fail-first': 2, code: 'UNAVAILABLE' },
  'UNAVAILABLE until it gives up': { 'fail-first': always, code: 'UNAVAILABLE' },
  'UNAVAILABLE once, with a delay': { 'fail-first': 1, code: 'UNAVAILABLE', 'retry-info-ms': 1000 },
  'RESOURCE_EXHAUSTED once': { 'fail-first': 1, code: 'RESOURCE_EXHAUSTED' },
  'RESOURCE_EXHAUSTED once, with a delay': { 'fail-first': 1, code: 'RESOURCE_EXHAUSTED', 'retry-info-ms': 1000 },
  'INVALID_ARGUMENT once': { 'fail-first': 1, code: 'INVALID_ARGUMENT' },
  'a part rejected': { partial: 30 },
  'cut once in mid-stream': { cut: 1 },
};
const sometimes: Readonly<Record<string, Fault>> = {
  'too slow until it gives up': { 'delay-ms': 600 },
  ...Object.fromEntries(
    [
      ...['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'ABORTED'],
      ...['FAILED_PRECONDITION', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'DATA_LOSS', 'UNAUTHENTICATED'],
    ].map((code): [string, Fault] => [`${code} once`, { 'fail-first': 1, code }]),
  ),
};

describe('a fault has the same fate as in the Collector', { skip, concurrency: isFull ? 2 : 1 }, () => {
  for (const protocol of ['grpc', 'http'] as const) {
    for (const [name, fault] of Object.entries(isFull ? { ...often, ...sometimes } : often)) {
      test(`${protocol}: ${name}`, async (t) => {
        const reference = await fateOf(otelcol, protocol, fault);
        const own = await fateOf(bpflow, protocol, fault);
        t.diagnostic(`otelcol ${summary(reference)}; bpflow ${summary(own)}`);
        assert.deepEqual(exact(own, fault), exact(reference, fault));
      });
    }
  }
});

describe('a dead back end behind batch', { skip }, () => {
  for (const protocol of ['grpc', 'http'] as const) {
    test(`${protocol}: whoever sends is refused when the queue is full, and what was taken arrives`, async () => {
      const addresses = await freeAddresses(5);
      const [listen, metrics, ...ofSink] = addresses as [string, string, ...string[]];
      const target = protocol === 'grpc' ? ofSink[0]! : ofSink[1]!;
      const configuration = relayConfiguration({
        ...{ listen, metrics, protocol, target },
        exporter: {
          sending_queue: { queue_size: 5 },
          retry_on_failure: { initial_interval: '100ms', max_interval: '500ms', max_elapsed_time: 0 },
        },
      });
      await using agent = await start(bpflow, { ...configuration, processors: { batch: { timeout: '50ms' } } });
      const sent = await send({ endpoint: listen, protocol, requests: 400, timeout: '5s' });
      assert.ok(sent.requests_ok > 0 && sent.requests_failed > 0, JSON.stringify(sent));
      assert.deepEqual(
        Object.keys(sent.codes).toSorted(),
        protocol === 'grpc' ? ['OK', 'Unavailable'] : ['503', 'OK'],
        JSON.stringify(sent),
      );
      await using sink = await Sink.start({ addresses: ofSink });
      await until(
        async () => (await sink.counts()).points >= sent.points_ok,
        async () => `${(await sink.counts()).points} of ${sent.points_ok} arrived:\n${agent.log}`,
      );
      const { points, ids } = await sink.counts();
      assert.deepEqual([points, ids['metrics']!.duplicates], [sent.points_ok, 0]);
      const page = await (await fetch(`http://${metrics}/metrics`)).text();
      assert.deepEqual(
        {
          accepted: sample(page, 'otelcol_receiver_accepted_metric_points'),
          // Told before the request was read: nobody knows how many points it had.
          refusedRequests: sample(
            page,
            'bpflow_otlp_receiver_requests',
            `code="${protocol === 'grpc' ? 'UNAVAILABLE' : 503}"`,
          ),
          sent: sample(page, 'otelcol_exporter_sent_metric_points'),
          failed: sample(page, 'otelcol_exporter_send_failed_metric_points'),
          dropped: sample(page, 'bpflow_ledger_dropped_items'),
          held: sample(page, 'bpflow_ledger_held_items'),
          imbalance: sample(page, 'bpflow_ledger_imbalance_items'),
        },
        {
          ...{ accepted: sent.points_ok, refusedRequests: sent.requests_failed, sent: sent.points_ok, failed: 0 },
          ...{ dropped: 0, held: 0, imbalance: 0 },
        },
      );
    });
  }
});

function summary({ delivered, attempts, sent, failed }: Fate): string {
  return `delivered ${delivered} of ${POINTS} in ${attempts} attempts, sent ${sent}, failed ${failed}`;
}

/** How often it tries until it gives up depends on the clock: then only whether it tried again is compared. */
function exact(fate: Fate, fault: Fault): unknown {
  const givesUp = fault['fail-first'] === always || fault['delay-ms'] !== undefined;
  if (!givesUp) return fate;
  const { attempts, delivered, duplicates, ...rest } = fate;
  return { ...rest, isRetried: attempts > 1, isDelivered: delivered > 0, hasDuplicates: duplicates > 0 };
}
