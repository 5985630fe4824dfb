import type { Kernel } from '../kernel/kernel.ts';
import type { ObjectName } from '../kernel/parts.ts';
import type { Counters } from './counters.ts';
import { Feed, type FeedOptions } from './feed.ts';
import { type HistogramForm, PendingHistogram } from './histograms.ts';
import type { Label } from './labels.ts';
import { declareFact, type MetricFact } from './metric-fact.ts';
import { labelNames, type MapUsage, type MetricSource, type SourceContext } from './metric-source.ts';
import type { PendingMetric } from './pending.ts';
import { SeriesSet } from './series.ts';
import { PendingSum } from './sums.ts';

export interface FedSourceOptions {
  readonly metrics: readonly PendingMetric[];
  /** Maps whose room is limited. */
  readonly bounded: readonly Feed[];
  /** Those that have room for all, in which what found none elsewhere is counted, too. */
  readonly others: readonly Feed[];
}

/** Metrics that maps of counters feed, and nothing else. */
export class FedSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #bounded: readonly Feed[];
  readonly #feeds: readonly Feed[];

  constructor({ metrics, bounded, others }: FedSourceOptions) {
    this.metrics = metrics;
    this.#bounded = bounded;
    this.#feeds = [...bounded, ...others];
  }

  collect(): void {
    for (const feed of this.#feeds) feed.collect();
  }

  forget(groups: ReadonlySet<number>): void {
    for (const feed of this.#feeds) feed.forget(groups);
  }

  get counters(): readonly Counters[] {
    return this.#feeds.map(({ counters }) => counters);
  }

  usage(): readonly MapUsage[] {
    return this.#bounded.map(({ usage }) => usage);
  }
}

/** The sum of a fact as it is here. `more`: attributes with their names on the page, beside those of groups. */
export function pendingSum(
  fact: MetricFact,
  kernel: Kernel,
  { labels, interner, scope }: SourceContext,
  more: Readonly<Record<string, string>> = {},
): PendingSum {
  const definition = declareFact(fact, kernel, { ...labelNames(labels), ...more });
  return new PendingSum(definition, new SeriesSet(interner, scope));
}

/** The histogram of a fact as it is here, by these labels. */
export function pendingHistogram(
  fact: MetricFact,
  kernel: Kernel,
  { histogramLabels, interner, scope, histograms }: SourceContext & { readonly histograms: HistogramForm },
  labels: readonly Label[] = histogramLabels,
): PendingHistogram {
  const definition = declareFact(fact, kernel, labelNames(labels));
  return new PendingHistogram(definition, new SeriesSet(interner, scope), histograms);
}

/** Makes feeds of an object's maps. Their series have the labels of counters, unless told. */
export function feedsOf(object: ObjectName, kernel: Kernel, { groups, labels, batch }: SourceContext): MakeFeed {
  return (map, options) => new Feed(kernel.map(object, map)!, { groups, labels, batch, ...options });
}

export type MakeFeed = (
  map: string,
  options: Omit<FeedOptions, 'groups' | 'labels' | 'batch'> & { readonly labels?: readonly Label[] },
) => Feed;
