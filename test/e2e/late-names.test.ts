import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Kubernetes, PodFacts } from 'bpflow/sdk';
import { LateNames, type Process } from './late-names.ts';

const CONTAINER = 'f1fd41ed'.repeat(8);
const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
const WEB: Process = { name: 'web', container: CONTAINER, pod: UID };
const WORKER: Process = { name: 'worker', container: CONTAINER, pod: UID };
const SSHD: Process = { name: 'sshd' };

const POD: PodFacts = {
  uid: UID,
  name: 'web-1',
  namespace: 'shop',
  node: 'node-1',
  hostname: 'web-1',
  startTime: '2026-11-21T10:00:00Z',
  ips: ['10.0.0.7'],
  hostNetwork: false,
  labels: {},
  annotations: {},
  owners: [{ kind: 'Deployment', name: 'web', uid: undefined }],
  workload: { kind: 'Deployment', name: 'web', uid: undefined },
  containers: [{ id: CONTAINER, name: 'app', image: 'web:1', imageId: '', restarts: 0 }],
};
const NAMES = 'container="app",namespace="shop",node="node-1",pod="web-1"';

/** A cluster in which a pod becomes known. */
class Late implements Kubernetes {
  #pod: PodFacts | undefined;
  readonly #listeners = new Set<(pod: PodFacts, change: 'set') => void>();

  arrive(): void {
    this.#pod = POD;
    for (const listener of this.#listeners) listener(POD, 'set');
  }

  synced = true;
  readonly clusterUid = undefined;
  async ready(): Promise<void> {}
  want(): () => void {
    return () => {};
  }
  pods(): Iterable<PodFacts> {
    return this.#pod === undefined ? [] : [this.#pod];
  }
  object(): undefined {}
  services(): Iterable<never> {
    return [];
  }
  podByCgroup(): undefined {}
  podByCgroupPath(): undefined {}
  podByContainer(id: string): PodFacts | undefined {
    return id === CONTAINER ? this.#pod : undefined;
  }
  podByUid(uid: string): PodFacts | undefined {
    return uid === UID ? this.#pod : undefined;
  }
  podByIp(): undefined {}
  watch(listener: (pod: PodFacts, change: 'set') => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Where the pod's name arrives 2 s after its first counts. */
for (const [what, hold, unnamed] of [
  ['within hold.timeout: nothing ever goes without it', '30s', 0],
  ['after hold.timeout: what was counted before stays under the old name', '500ms', 1],
] as const) {
  describe(`a pod's name that arrives 2 s late, ${what}`, () => {
    it('lets no counter fall and counts nothing twice, on a page and over OTLP in both temporalities', async () => {
      const cluster = new Late();
      await using world = new LateNames();
      await world.start(cluster, hold);
      const { kernel } = world;
      const fallen: string[] = [];
      const last = new Map<string, number>();
      let lastSum = 0;
      const scrape = async (): Promise<ReadonlyMap<string, number>> => {
        const page = await world.scrape();
        for (const [labels, before] of last) {
          if ((page.get(labels) ?? 0) < before) fallen.push(`${labels}: ${before} → ${page.get(labels)}`);
        }
        for (const [labels, value] of page) last.set(labels, value);
        const sum = total(page.values());
        if (sum < lastSum) fallen.push(`the sum: ${lastSum} → ${sum}`);
        lastSum = sum;
        return page;
      };

      const started = performance.now();
      for (let round = 0, arrived = false; performance.now() - started < 3000; round++) {
        kernel.count(WEB, 3);
        if (round % 2 === 0) kernel.count(WORKER, 5);
        kernel.count(SSHD, 1);
        if (!arrived && performance.now() - started >= 2000) {
          cluster.arrive();
          arrived = true;
        }
        if (round % 5 === 0) await kernel.push();
        await scrape();
        await wait(20);
      }
      // A page is up to a second old.
      let page = await scrape();
      for (let i = 0; i < 100 && total(page.values()) < total(kernel.counted.values()); i++) {
        await wait(50);
        page = await scrape();
      }
      assert.deepEqual(fallen, []);

      const counted = (process: Process) => kernel.counted.get(process)!;
      assert.equal(total(page.values()), total(kernel.counted.values()));
      for (const process of [WEB, WORKER]) {
        const { name } = process;
        const named = page.get(`{${NAMES},process="${name}"}`) ?? 0;
        const bare = page.get(`{process="${name}"}`);
        assert.ok(named > 0);
        assert.equal(named + (bare ?? 0), counted(process));
        assert.equal(bare === undefined ? 0 : 1, unnamed);
      }
      assert.equal(page.get('{process="sshd"}'), counted(SSHD));

      assert.equal(total(world.delta.points.map(({ value }) => value)), total(kernel.counted.values()));
      const series = new Map<string, (typeof world.cumulative.points)[number]>();
      for (const point of world.cumulative.points) {
        const before = series.get(point.series);
        if (before !== undefined) {
          assert.ok(point.value >= before.value, `${point.series}: ${before.value} → ${point.value}`);
          assert.equal(point.start, before.start, 'a series keeps its start');
        }
        series.set(point.series, point);
      }
      assert.equal(total([...series.values()].map(({ value }) => value)), total(kernel.counted.values()));
      assert.equal(series.size, 3 + 2 * unnamed);

      await kernel.end();
      let left = await world.scrape();
      for (let i = 0; i < 100 && left.size > 0; i++) {
        await wait(50);
        left = await world.scrape();
      }
      assert.deepEqual([...left.keys()], []);
      const ended = (points: typeof world.cumulative.points) =>
        new Set(points.filter(({ ends }) => ends).map((point) => point.series));
      assert.deepEqual(ended(world.cumulative.points), new Set(series.keys()));
      assert.deepEqual(ended(world.delta.points), new Set(series.keys()));
    });
  });
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
