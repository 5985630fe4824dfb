import { fakeScope } from 'bpflow/testing';
import { publishCanary } from '../../receivers/ebpf/canary.ts';
import type { Collection } from '../../receivers/ebpf/collection.ts';
import { publishOwnMetrics } from '../../receivers/ebpf/own-metrics.ts';
import type { KnownMetric, Registry } from '../../scripts/dashboards/registry.ts';
import { observe } from '../../sdk/kubernetes/metrics.ts';
import type { FeedReport } from '../../sdk/kubernetes/report.ts';
import type { Meter } from '../../sdk/otel.ts';

/** The metrics on a page, with every label that a series of theirs has there. */
export function registryOfPage(page: string): Registry {
  const found = new Map<string, { kind: KnownMetric['kind']; labels: Set<string> }>();
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    found.set(name, { kind: type as KnownMetric['kind'], labels: new Set() });
  }
  for (const [, sample = '', labels = ''] of page.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(sample) ?? found.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g))
      if (label !== 'le') known?.labels.add(label);
  }
  return new Map([...found].map(([name, { kind, labels }]) => [name, { name, kind, unit: '', labels }]));
}

/** What an agent tells of BPF programs and of the Kubernetes API, for machines that have neither. */
export function registryOfFakes(): Registry {
  const kernel = new Recorder();
  const bpfMap = { name: 'calls', maxEntries: 1 };
  const collection = {
    kernel: {
      programs: [{ program: 'p', state: 'attached', reason: '' }],
      objects: [],
      map: () => undefined,
    },
    described: { programs: [], refused: [] },
    attached: new Map([['p', { info: () => ({ recursionMisses: 1n }) }]]),
    groups: { size: 1 },
    usage: () => [{ map: bpfMap, entries: 1 }],
  };
  const scope = fakeScope('receiver', 'ebpf');
  publishOwnMetrics(
    { ...scope, meter: kernel.meter },
    () => collection as unknown as Collection,
    () => new Map([['p', 5]]),
  );
  publishCanary({ meter: kernel.meter }, () => ({ made: 1, error: 0, problem: '' }));
  const kubernetes = new Recorder();
  const state = { restarts: 1, lastEventMs: 0, errors: new Map([['status', 1]]) };
  const feed = { resource: { name: 'pods' }, verbs: [], state, size: () => 1 };
  observe(
    { ...fakeScope('extension', 'kubernetes'), meter: kubernetes.meter },
    {
      feeds: () => [feed as unknown as FeedReport],
      refusedPods: () => 0,
      workloads: () => ({ known: 0, waiting: 0 }),
      services: () => [{ namespace: 'a', name: 'b', endpoints: 2, ready: 1, terminating: 0 }],
      namespace: undefined,
    },
    new Map(),
  );
  return new Map([...kernel.registry(), ...kubernetes.registry()]);
}

type Callback = Parameters<Meter['addBatchObservableCallback']>[0];

/** Notes which labels the metrics of a meter have. */
class Recorder {
  readonly #metrics = new Map<string, { kind: KnownMetric['kind']; labels: Set<string> }>();
  readonly #callbacks: (() => void)[] = [];
  readonly meter: Meter;

  constructor() {
    const create = (kind: KnownMetric['kind']) => (name: string) => {
      this.#metrics.set(name, { kind, labels: new Set() });
      const note = (_: number, labels: object = {}): void => this.#note(name, labels);
      return {
        name,
        add: note,
        record: note,
        addCallback: (callback: (result: object) => void) => this.#callbacks.push(() => callback({ observe: note })),
      };
    };
    this.meter = {
      createObservableGauge: create('gauge'),
      createObservableCounter: create('counter'),
      createCounter: create('counter'),
      createHistogram: create('histogram'),
      addBatchObservableCallback: (callback: Callback) =>
        this.#callbacks.push(
          () =>
            void callback({
              observe: (instrument, _, labels = {}) =>
                this.#note((instrument as unknown as { readonly name: string }).name, labels),
            }),
        ),
    } as unknown as Meter;
  }

  registry(): Registry {
    for (const callback of this.#callbacks) callback();
    return new Map([...this.#metrics].map(([name, { kind, labels }]) => [name, { name, kind, unit: '', labels }]));
  }

  #note(name: string, labels: object): void {
    for (const label of Object.keys(labels)) this.#metrics.get(name)!.labels.add(label);
  }
}
