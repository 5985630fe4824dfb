import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Attributes, type MetricBatch, RetryableError, TemporalityConverter } from 'bpflow/sdk';
import { metricsOf } from 'bpflow/testing';
import fc from 'fast-check';
import { Enrichment, type Point } from './test/enrichment.ts';
import { container, pod } from './test/fake-cluster.ts';

const PODS = 4;
const PROCESSES = ['a', 'b', 'c'];

type Step =
  | { readonly do: 'count'; readonly pod: number; readonly process: number; readonly value: number }
  | { readonly do: 'end'; readonly pod: number; readonly process: number }
  | { readonly do: 'arrive'; readonly pod: number; readonly label: number; readonly status: boolean }
  | { readonly do: 'leave'; readonly pod: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'refuse'; readonly times: number }
  | { readonly do: 'flush' };

const podOf = fc.nat(PODS);
const processOf = fc.nat(PROCESSES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('count' as const), pod: podOf, process: processOf, value: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), pod: podOf, process: processOf }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('arrive' as const), pod: podOf, label: fc.nat(2), status: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), pod: podOf }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'flush' as const }) },
);

/** The last pod number is no pod: processes of the node. */
function resourceOf(number: number): Attributes {
  return number === PODS ? {} : { 'container.id': idOf(number), 'k8s.pod.uid': `uid-${number}` };
}

function idOf(number: number): string {
  return String(number).repeat(64);
}

test('over random streams every count arrives once, no total falls, and what ends, ends under every name it had', async () => {
  const runs = process.env['BPFLOW_SUITE'] === 'full' ? 2000 : 150;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom('0s', '1s', '10s'),
      fc.constantFrom(1, 5, 1000),
      (steps, timeout, max_items) => run(steps, { timeout, max_items }),
    ),
    { numRuns: runs },
  );
});

async function run(
  steps: readonly Step[],
  hold: { readonly timeout: string; readonly max_items: number },
): Promise<void> {
  const extract = { labels: [{ key: 'l', tag_name: 'l' }] };
  const world = new Enrichment({ hold, extract });
  const alive = new Map<string, Point>();
  const counted = new Map<string, number>();
  let refusals = 0;
  world.answer = () => {
    if (refusals <= 0) return;
    refusals--;
    throw new RetryableError('Full.');
  };
  /** As a sender does: what is refused is offered again. */
  const give = (point: Point): void => {
    for (let tries = 0; ; tries++) {
      try {
        const refusal = world.processor.refusal!();
        if (refusal !== undefined) throw refusal;
        void world.own(point);
        return;
      } catch (thrown) {
        assert.ok(thrown instanceof RetryableError && tries < 100, String(thrown));
        world.scope.clock.advance(10_000);
      }
    }
  };
  const pointOf = (number: number, process: number, value: number): Point => ({
    resource: resourceOf(number),
    attributes: { process: PROCESSES[process]! },
    value,
  });

  for (const each of steps) {
    switch (each.do) {
      case 'count': {
        const point = pointOf(each.pod, each.process, each.value);
        const key = `${each.pod} ${each.process}`;
        alive.set(key, point);
        counted.set(key, (counted.get(key) ?? 0) + each.value);
        give(point);
        break;
      }
      case 'end': {
        const key = `${each.pod} ${each.process}`;
        if (alive.delete(key)) give({ ...pointOf(each.pod, each.process, 0), ends: true });
        break;
      }
      case 'arrive': {
        if (each.pod === PODS) break;
        const containers = each.status ? [container(idOf(each.pod))] : [];
        const labels = { l: String(each.label) };
        world.cluster.set(pod({ uid: `uid-${each.pod}`, name: `pod-${each.pod}`, containers, labels, ips: [] }));
        break;
      }
      case 'leave':
        if (world.cluster.podByUid(`uid-${each.pod}`) !== undefined) world.cluster.remove(`uid-${each.pod}`);
        break;
      case 'wait':
        world.scope.clock.advance(each.ms);
        break;
      case 'refuse':
        refusals = each.times;
        break;
      case 'flush':
        await world.processor.flush!();
        break;
      default:
        each satisfies never;
    }
  }
  refusals = 0;
  for (const point of alive.values()) give({ ...point, value: 0, ends: true });
  await world.processor.stop!();
  assert.equal(world.processor.held!(), 0);
  check(world, counted);
}

function check(world: Enrichment, counted: ReadonlyMap<string, number>): void {
  const totals = new Map<string, number>();
  const converter = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1000 });
  const last = new Map<string, number>();
  for (const batch of world.sent as MetricBatch[]) {
    for (const { resource = {}, attributes, value, flags } of metricsOf(batch)) {
      if (flags !== undefined) continue;
      const id = resource['container.id'];
      const number = typeof id === 'string' ? id[0] : PODS;
      const key = `${number} ${PROCESSES.indexOf(String(attributes['process']))}`;
      totals.set(key, (totals.get(key) ?? 0) + Number(value));
      const name = resource['k8s.pod.name'];
      if (name !== undefined) assert.equal(name, `pod-${number}`);
    }
    for (const { resource, attributes, value, flags } of metricsOf(converter.convert(batch, 1n))) {
      const key = JSON.stringify([resource, attributes]);
      if (flags !== undefined) {
        last.delete(key);
        continue;
      }
      assert.ok(Number(value) >= (last.get(key) ?? 0), `${key} fell`);
      last.set(key, Number(value));
    }
  }
  assert.deepEqual(new Map([...totals].sort()), new Map([...counted].sort()));
  assert.deepEqual([...last.keys()], [], 'every series has ended');
  assert.equal(converter.size, 0);
}
