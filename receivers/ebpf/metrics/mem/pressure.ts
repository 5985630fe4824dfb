import { readFileSync } from 'node:fs';
import { attributeSet, EMPTY_RESOURCE, type InstrumentationScope, type SeriesInterner } from 'bpflow/sdk';
import type { MetricFact } from '../../series/metric-fact.ts';
import { declare, type MapUsage, type MetricSource } from '../../series/metric-source.ts';
import { SeriesSet } from '../../series/series.ts';
import { PendingSum } from '../../series/sums.ts';

export interface PressureOptions {
  readonly interner: SeriesInterner;
  readonly scope: InstrumentationScope;
  /** The kernel's file; the machine's by default. */
  readonly path?: string;
}

/** Pressure stall information of the whole machine for memory. Without CONFIG_PSI, or switched off, there is no metric. */
export class PressureSource implements MetricSource {
  readonly metrics: readonly PendingSum[];
  readonly #path: string;
  readonly #stalls: PendingSum;
  readonly #last = new Map<string, { readonly series: number; readonly total: number }>();

  constructor({ interner, scope, path = '/proc/pressure/memory' }: PressureOptions) {
    this.#path = path;
    this.#stalls = new PendingSum(
      declare({ ...PRESSURE.definition, attributes: PRESSURE.own }, []),
      new SeriesSet(interner, scope),
    );
    this.metrics = [this.#stalls];
    for (const [kind, total] of this.#read()) {
      const identity = { resource: EMPTY_RESOURCE, attributes: attributeSet({ [KIND]: kind }) };
      this.#last.set(kind, { series: this.#stalls.series.open(kind, () => identity), total });
    }
  }

  collect(): void {
    for (const [kind, total] of this.#read()) {
      const last = this.#last.get(kind);
      if (last === undefined || total <= last.total) continue;
      this.#stalls.add(last.series, (total - last.total) * NS_PER_US);
      this.#last.set(kind, { ...last, total });
    }
  }

  forget(): void {
    // Nothing here belongs to a group.
  }

  usage(): readonly MapUsage[] {
    return [];
  }

  /** Stalled time since the machine's start in µs, by kind. */
  #read(): (readonly [kind: string, total: number])[] {
    try {
      const lines = readFileSync(this.#path, 'utf8').matchAll(/^(some|full) .*total=(\d+)$/gm);
      return [...lines].map(([, kind, total]) => [kind!, Number(total)] as const);
    } catch {
      return [];
    }
  }
}

const NS_PER_US = 1000;
const KIND = 'ebpf.memory.pressure.type';

const PRESSURE: MetricFact = {
  definition: {
    name: 'ebpf.memory.pressure',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_memory_pressure_ns',
    kind: 'counter',
    description:
      "Time that tasks of this machine stalled for want of memory, by the kernel's account (PSI): some of them, or all that were not idle at once.",
    exactness: 'exact',
  },
  own: { [KIND]: 'type' },
  keys: ['collect_memory'],
  needs: [],
  exactWith: [],
  maps: [],
};

/** Metrics of pressure. */
export const PRESSURE_FACTS: readonly MetricFact[] = [PRESSURE];
