import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type LogBatch, type MetricBatch, presentBatch, type Receiver } from 'bpflow/sdk';
import { collectingConsumer, type FakeScope, fakeScope, metricsOf } from 'bpflow/testing';
import { HubbleService } from '../../test/e2e/hubble-service.ts';
import { targetOf } from './address.ts';
import spec from './index.ts';
import { cart, flowMessage, frontend } from './test/messages.ts';

let nextId = 0;
const flow = (): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: 1,
    source: frontend,
    destination: cart,
    l4: { UDP: { source_port: 40_000, destination_port: 8125 } },
  });

/** A receiver that has taken three flows. */
class Running implements AsyncDisposable {
  readonly metrics = collectingConsumer<MetricBatch>();
  readonly logs = collectingConsumer<LogBatch>();
  readonly scope: FakeScope = fakeScope('receiver', 'hubble');
  readonly #receiver: Receiver;
  readonly #hubble: HubbleService;

  private constructor(hubble: HubbleService, keys: Readonly<Record<string, unknown>>) {
    this.#hubble = hubble;
    const config = spec.config.parse({ endpoint: hubble.address, hubble_tls_enabled: false, ...keys });
    this.#receiver = spec.create(config, this.scope, { metrics: this.metrics, logs: this.logs });
  }

  static async start(keys: Readonly<Record<string, unknown>>): Promise<Running> {
    const running = new Running(await HubbleService.start([flow(), flow(), flow()]), keys);
    await running.#receiver.start?.();
    const accepted = (): number => (running.scope.view('flows') as { accepted: number }).accepted;
    for (const end = Date.now() + 10_000; accepted() < 3; await wait(5)) assert.ok(Date.now() < end);
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver.stop?.();
    await this.#hubble[Symbol.asyncDispose]();
  }
}

test('addresses are those of gRPC: a host and port, one that is asked of the DNS, or a socket', () => {
  const targets = ['relay:443', 'dns:relay:443', '[::1]:4244', 'unix:/run/a.sock', 'unix:///run/a.sock'].map(targetOf);
  assert.deepEqual(
    targets.map(({ target, isUnix }) => [target, isUnix]),
    [
      ['dns:relay:443', false],
      ['dns:relay:443', false],
      ['dns:[::1]:4244', false],
      ['unix:/run/a.sock', true],
      ['unix:/run/a.sock', true],
    ],
  );
});

describe('the receiver', () => {
  test('hands metrics on when the window is over, and not before', async () => {
    await using running = await Running.start({ aggregation_window: '10s' });
    running.scope.clock.advance(9_999);
    assert.equal(running.metrics.batches.length, 0);
    running.scope.clock.advance(1);
    for (const end = Date.now() + 5_000; running.metrics.batches.length === 0; await wait(5))
      assert.ok(Date.now() < end);
    const rows = metricsOf(presentBatch(running.metrics.batches[0]!, 'seed'));
    assert.equal(rows.find(({ name }) => name === 'hubble_flows_total')!.value, 3);
  });

  for (const isOn of [true, false]) {
    test(`${isOn ? 'hands on one log record for each flow' : 'hands on none with flow_logs: false'}`, async () => {
      await using running = await Running.start({ flow_logs: isOn });
      for (let second = 0; second < 20; second++) {
        running.scope.clock.advance(1000);
        await wait(1);
      }
      assert.equal(running.logs.items, isOn ? 3 : 0);
    });
  }

  test('lists what Hubble cannot tell with the reason, and has no zero for it', async () => {
    await using running = await Running.start({});
    const { unavailable } = running.scope.view('connection') as {
      readonly unavailable: Readonly<Record<string, string>>;
    };
    const { series } = running.scope.view('flows') as { readonly series: Readonly<Record<string, number>> };
    const promised = [
      'hubble_flow_bytes_total',
      'hubble_drop_bytes_total',
      'hubble_endpoint_count',
      'hubble_endpoint_ready',
    ];
    assert.deepEqual(Object.keys(unavailable).sort(), promised.sort());
    for (const reason of Object.values(unavailable)) assert.match(reason, /\w+ \w+/);
    assert.ok(!Object.keys(series).some((name) => /bytes|endpoint|\.io$/.test(name)));
    const told = running.scope.logs.find(({ message }) =>
      message.startsWith('Some metrics are not available from Hubble'),
    );
    assert.deepEqual(told?.fields, { unavailable });
  });
});
