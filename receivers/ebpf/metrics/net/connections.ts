import { ConnectionKey, ConnectionValue } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { MapBuffer } from '../../kernel/map-buffer.ts';
import { PendingGauge } from '../../series/gauges.ts';
import type { Group } from '../../series/groups.ts';
import { declareFact } from '../../series/metric-fact.ts';
import { labelNames, type MapUsage, openGroupSeries, type SourceContext } from '../../series/metric-source.ts';
import { SeriesSet } from '../../series/series.ts';
import { CONNECTIONS, RTT_NOW, STATE, TCP_STATES } from './metrics.ts';

interface Mean {
  sum: number;
  count: number;
}

/** TCP connections that are open now, by state, and their mean round-trip time. */
export class Connections {
  readonly metrics: readonly PendingGauge[];
  readonly #kernel: Kernel;
  readonly #options: SourceContext;
  readonly #buffer: MapBuffer;
  readonly #open: PendingGauge;
  readonly #rtt: PendingGauge;
  /** Series of each group by state. */
  readonly #series = new Map<number, Map<number, number>>();
  /** Series of the round-trip time of each group that has one now. */
  readonly #measured = new Map<number, number>();
  #entries = 0;

  constructor(kernel: Kernel, options: SourceContext) {
    this.#kernel = kernel;
    this.#options = options;
    this.#buffer = new MapBuffer(kernel.map('net', 'connections')!, options);
    const labels = labelNames(options.labels);
    const series = () => new SeriesSet(options.interner, options.scope);
    this.#open = new PendingGauge(declareFact(CONNECTIONS, kernel, labels), series());
    this.#rtt = new PendingGauge(declareFact(RTT_NOW, kernel, labels), series());
    this.metrics = [this.#open, this.#rtt];
  }

  collect(): void {
    this.#entries = this.#buffer.read();
    this.#open.reset();
    this.#rtt.reset();
    const { keys, values, entryWords } = this.#buffer;
    const key = new ConnectionKey();
    const value = new ConnectionValue();
    const means = new Map<number, Mean>();
    for (let entry = 0; entry < this.#entries; entry++) {
      const { group: id, state } = key.move(keys, entry * ConnectionKey.WORDS);
      const { generation, count, measured, rtt } = value.move(values, entry * entryWords);
      if (Number(generation) !== this.#kernel.generation) continue;
      const group = this.#options.groups.get(id);
      if (!group.counts) continue;
      this.#options.groups.changed(id);
      this.#open.add(this.#seriesOf(group, id, state), Number(count));
      if (measured === 0n) continue;
      const mean = means.get(id) ?? { sum: 0, count: 0 };
      mean.sum += Number(rtt);
      mean.count += Number(measured);
      means.set(id, mean);
    }
    this.#average(means);
  }

  forget(groups: ReadonlySet<number>): void {
    const { keys, map } = this.#buffer;
    for (let entry = 0; entry < this.#entries; entry++) {
      const at = entry * ConnectionKey.WORDS;
      if (groups.has(keys[at]!)) map.delete(new Uint8Array(keys.slice(at, at + ConnectionKey.WORDS).buffer));
    }
    for (const group of groups) {
      for (const series of this.#series.get(group)?.values() ?? []) this.#open.series.close(series);
      this.#series.delete(group);
    }
  }

  usage(): readonly MapUsage[] {
    return [{ map: this.#buffer.map, entries: this.#entries }];
  }

  #seriesOf(group: Group, id: number, state: number): number {
    let states = this.#series.get(id);
    if (states === undefined) {
      states = new Map();
      this.#series.set(id, states);
    }
    let series = states.get(state);
    if (series === undefined) {
      const name = TCP_STATES[state] ?? `state_${state}`;
      series = openGroupSeries(this.#open.series, group, this.#options.labels, { [STATE]: name });
      states.set(state, series);
    }
    return series;
  }

  /** One mean for all groups that share a series; a group without a measured connection has none. */
  #average(means: ReadonlyMap<number, Mean>): void {
    const bySeries = new Map<number, Mean>();
    for (const [id, { sum, count }] of means) {
      let series = this.#measured.get(id);
      if (series === undefined) {
        series = openGroupSeries(this.#rtt.series, this.#options.groups.get(id), this.#options.labels, {});
        this.#measured.set(id, series);
      }
      const mean = bySeries.get(series) ?? { sum: 0, count: 0 };
      bySeries.set(series, { sum: mean.sum + sum, count: mean.count + count });
    }
    for (const [series, { sum, count }] of bySeries) this.#rtt.add(series, Math.round(sum / count));
    for (const [id, series] of this.#measured) {
      if (means.has(id)) continue;
      this.#rtt.series.close(series);
      this.#measured.delete(id);
    }
  }
}
