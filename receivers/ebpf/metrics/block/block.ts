import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { BlockKey } from '../../../../bpf/block.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingHistogram } from '../../series/fed-source.ts';
import { timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import type { MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';

export interface BlockOptions extends SourceContext {
  readonly histograms: HistogramForm;
}

/** Latency of requests to block devices. It belongs to no process: what is written reaches the device long after the call. */
export function blockSource(kernel: Kernel, options: BlockOptions): MetricSource {
  const latency = pendingHistogram(LATENCY, kernel, options, []);
  const feed = feedsOf('block', kernel, options);
  const words = new BlockKey();
  const latencies = feed('block_latencies', {
    counters: HISTOGRAM_COUNTERS,
    labels: [],
    targets: [timed(latency)],
    own: (key, at) => {
      const { major, minor, operation } = words.move(key, at);
      return { [DEVICE]: deviceName(major, minor), [OPERATION]: OPERATIONS.get(operation) ?? 'other' };
    },
  });
  return new FedSource({ metrics: [latency], bounded: [latencies], others: [] });
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
