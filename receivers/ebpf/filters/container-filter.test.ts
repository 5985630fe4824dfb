import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LocalContainers } from 'bpflow/containers';
import {
  attributeSet,
  createResource,
  createScope,
  defineMetric,
  type Kubernetes,
  type PodFacts,
  SeriesInterner,
} from 'bpflow/sdk';
import { metricsOf } from 'bpflow/testing';
import { PendingHistogram } from '../series/histograms.ts';
import { SeriesSet } from '../series/series.ts';
import { PendingSum } from '../series/sums.ts';
import { containerFilter } from './container-filter.ts';
import { Gates } from './gate.ts';

const ID = 'f1fd41ed'.repeat(8);
const OTHER = '0123abcd'.repeat(8);
const POD = { namespace: 'shop', containers: [{ id: ID, name: 'app-1' }] } as unknown as PodFacts;
const cluster = {
  podByContainer: (id) => (id === ID ? POD : undefined),
  podByUid: (uid) => (uid === 'known' ? POD : undefined),
} as Partial<Kubernetes> as Kubernetes;
const local = new LocalContainers({});

function filter(
  containers: readonly string[],
  namespaces: readonly string[],
  kubernetes: Kubernetes | undefined = cluster,
) {
  return containerFilter({ containers, namespaces, kubernetes, local })!;
}

describe('filters of containers and namespaces', () => {
  test('are none when they are empty', () => {
    assert.equal(containerFilter({ containers: [], namespaces: [], kubernetes: undefined, local }), undefined);
  });

  const rows: readonly (readonly [string, boolean | undefined, () => boolean | undefined])[] = [
    ['let a container through by its name', true, () => filter(['app-*'], [])({ containerId: ID })],
    ['let a container through by its id', true, () => filter(['f1fd*'], [])({ containerId: ID })],
    ['let a container through by a name in its path', true, () => filter(['web'], [])({ containerName: 'web' })],
    ['refuse another name', false, () => filter(['db'], [])({ containerId: ID })],
    ['refuse what is in no container', false, () => filter(['*'], [])({})],
    ['refuse the pod itself where a container is asked for', false, () => filter(['*'], [])({ podUid: 'known' })],
    ['wait for a pod that is not known', undefined, () => filter(['*'], [])({ containerId: OTHER, podUid: 'late' })],
    [
      'wait for a container of a known pod',
      undefined,
      () => filter(['*'], [])({ containerId: OTHER, podUid: 'known' }),
    ],
    ['let a namespace through', true, () => filter([], ['shop'])({ containerId: OTHER, podUid: 'known' })],
    ['refuse another namespace', false, () => filter([], ['prod-*'])({ containerId: ID })],
    [
      'refuse a container outside pods where a namespace is asked for',
      false,
      () => filter([], ['*'])({ containerId: OTHER }),
    ],
    ['need both', false, () => filter(['app-*'], ['other'])({ containerId: ID })],
    [
      'do not wait off a cluster',
      false,
      () => containerFilter({ containers: ['*'], namespaces: [], kubernetes: undefined, local })!({ podUid: 'late' }),
    ],
  ];
  for (const [what, expected, ask] of rows) test(what, () => assert.equal(ask(), expected));
});

describe('a gate', () => {
  test('opens when the name is known, and stays open', () => {
    let verdict: boolean | undefined;
    const gates = new Gates(() => verdict);
    const gate = gates.of({ containerId: ID }, 0);
    assert.equal(gate.state, 'waiting');
    assert.equal(gates.of({ containerId: ID }, 5), gate);
    verdict = true;
    gates.askAgain(10);
    assert.equal(gate.state, 'open');
    verdict = false;
    gates.askAgain(20);
    assert.equal(gate.state, 'open');
  });

  test('closes when nobody knows for half a minute, and opens when somebody does after all', () => {
    let verdict: boolean | undefined;
    const gates = new Gates(() => verdict);
    const gate = gates.of({ containerId: ID }, 0);
    gates.askAgain(29_999);
    assert.equal(gate.state, 'waiting');
    gates.askAgain(30_000);
    assert.equal(gate.state, 'closed');
    verdict = true;
    gates.askAgain(40_000);
    assert.equal(gate.state, 'open');
  });

  test('is forgotten with its groups', () => {
    const gates = new Gates(() => undefined);
    const gate = gates.of({ containerId: ID }, 0);
    gates.keep(new Set([gate]));
    assert.equal(gates.of({ containerId: ID }, 0), gate);
    gates.keep(new Set());
    assert.notEqual(gates.of({ containerId: ID }, 0), gate);
  });
});

describe('what is counted behind a gate', () => {
  const definition = defineMetric({
    name: 'test.calls',
    unit: '{call}',
    seedName: 'test_calls',
    kind: 'counter',
    description: 'What the test counts.',
    exactness: 'exact',
    attributes: {},
  });
  const gate: { state: 'open' | 'closed' | 'waiting' } = { state: 'waiting' };
  const set = (): SeriesSet => new SeriesSet(new SeriesInterner(), createScope('test'));
  const identity = () => ({ resource: createResource({}), attributes: attributeSet({}), gate });

  for (const kind of ['sum', 'histogram'] as const) {
    const make = () => {
      gate.state = 'waiting';
      const series = set();
      const number = series.open('a', identity);
      if (kind === 'sum') {
        const pending = new PendingSum(definition, series);
        return { series, number, pending, add: (count: number) => pending.add(number, count) };
      }
      const pending = new PendingHistogram({ ...definition, kind: 'histogram' }, series, 'explicit');
      const add = (count: number): void => pending.add(number, new Float64Array(66).with(3, count));
      return { series, number, pending, add };
    };
    const handedOn = ({ pending }: ReturnType<typeof make>) => {
      const metric = pending.build(2n, 1n);
      pending.accepted();
      return metric === undefined
        ? []
        : metricsOf({ signal: 'metrics', metrics: [metric] }).map(({ value, count, flags }) => flags ?? value ?? count);
    };

    test(`${kind}: is kept while it waits, and handed on whole when it opens`, () => {
      const made = make();
      made.add(3);
      assert.deepEqual(handedOn(made), []);
      made.add(4);
      assert.deepEqual(handedOn(made), []);
      gate.state = 'open';
      assert.deepEqual(handedOn(made), [7]);
      assert.deepEqual(handedOn(made), []);
      made.series.close(made.number);
      assert.deepEqual(handedOn(made), [1], 'it ends');
    });

    test(`${kind}: is dropped when it closes, and ends without a word`, () => {
      const made = make();
      made.add(3);
      assert.deepEqual(handedOn(made), []);
      gate.state = 'closed';
      assert.deepEqual(handedOn(made), []);
      gate.state = 'open';
      assert.deepEqual(handedOn(made), []);
      gate.state = 'closed';
      made.series.close(made.number);
      assert.deepEqual(handedOn(made), []);
      assert.equal(made.series.ended.size, 0);
    });

    test(`${kind}: does not end while it waits`, () => {
      const made = make();
      made.add(3);
      made.series.close(made.number);
      assert.deepEqual(handedOn(made), []);
      gate.state = 'open';
      assert.deepEqual(handedOn(made), [3]);
      assert.deepEqual(handedOn(made), [1]);
    });
  }
});
