import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { attributeSet, EMPTY_RESOURCE } from 'bpflow/sdk';
import { BlockKey } from '../../../bpf/block.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../series/counters.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../series/histograms.ts';
import { declareFact, type MetricFact } from '../series/metric-fact.ts';
import type { MapUsage, MetricSource, SourceContext } from '../series/metric-source.ts';
import { SeriesSet } from '../series/series.ts';

export interface BlockOptions extends SourceContext {
  readonly histograms: HistogramForm;
}

/** Latency of requests to block devices. It belongs to no process: what is written reaches the device long after the call. */
export class BlockSource implements MetricSource {
  readonly metrics: readonly [PendingHistogram];
  readonly #latencies: Counters;
  #entries = 0;

  constructor(kernel: Kernel, { batch, interner, scope, histograms }: BlockOptions) {
    this.#latencies = new Counters(kernel.map('block', 'block_latencies')!, { counters: HISTOGRAM_COUNTERS, batch });
    this.metrics = [new PendingHistogram(declareFact(LATENCY, kernel, {}), new SeriesSet(interner, scope), histograms)];
  }

  collect(): void {
    const [latency] = this.metrics;
    const key = new BlockKey();
    this.#entries = this.#latencies.collect((row, words, at) => {
      let series = this.#latencies.seriesOf(row);
      if (series === NO_SERIES) {
        const { major, minor, operation } = key.move(words, at);
        const own = { [DEVICE]: deviceName(major, minor), [OPERATION]: OPERATIONS.get(operation) ?? 'other' };
        series = latency.series.open(Object.values(own).join('\n'), () => ({
          resource: EMPTY_RESOURCE,
          attributes: attributeSet(own),
        }));
        this.#latencies.setSeries(row, series);
      }
      latency.add(series, this.#latencies.deltas);
    });
  }

  forget(): void {
    // Nothing here belongs to a group.
  }

  get counters(): readonly Counters[] {
    return [this.#latencies];
  }

  usage(): readonly MapUsage[] {
    return [{ map: this.#latencies.map, entries: this.#entries }];
  }
}

/** The device's name in /sys, `major:minor` for one that is gone or cannot be seen. */
function deviceName(major: number, minor: number): string {
  try {
    return basename(readlinkSync(`/sys/dev/block/${major}:${minor}`));
  } catch {
    return `${major}:${minor}`;
  }
}

const DEVICE = 'system.device';
const OPERATION = 'ebpf.block.operation';

/** REQ_OP_… of include/linux/blk_types.h. */
const OPERATIONS: ReadonlyMap<number, string> = new Map([
  [0, 'read'],
  [1, 'write'],
  [2, 'flush'],
  [3, 'discard'],
  [5, 'secure_erase'],
  [9, 'write_zeroes'],
]);

const LATENCY: MetricFact = {
  definition: {
    name: 'ebpf.block.io.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_block_io_latency_ns',
    kind: 'histogram',
    description:
      "Time from the moment a request goes to a block device's driver to its completion; what it waits in queues before is not in it. A kernel may not tell of a few that end in softirqs: they are missing.",
    exactness: 'exact',
  },
  own: { [DEVICE]: 'device', [OPERATION]: 'operation' },
  keys: ['collect_file_io', 'block_io'],
  needs: ['block_issue', 'block_complete'],
  exactWith: [],
  maps: [{ object: 'block', map: 'block_latencies', key: BlockKey.WORD }],
};

/** Metrics of block devices. */
export const BLOCK_FACTS: readonly MetricFact[] = [LATENCY];
