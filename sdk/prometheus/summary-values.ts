import { formatFloat, formatOpenMetricsFloat, type SummaryPoints } from 'bpflow/sdk';
import type { MessageWriter } from './message-writer.ts';
import { NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { begin, type LineStarts, type Values } from './values.ts';

interface SummaryState {
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
  readonly count: number;
  readonly sum: number;
}

/** Summaries. Quantiles cannot be added. */
export class SummaryValues implements Values {
  readonly #states: (SummaryState | undefined)[] = [];

  grow(): void {}

  set(row: number, points: SummaryPoints, i: number): void {
    const quantiles = new Map<number, number>();
    for (let q = points.start[i]!; q < points.start[i + 1]!; q++)
      quantiles.set(points.quantiles[q]!, points.values[q]!);
    this.#states[row] = {
      quantiles: [...quantiles].sort(([a], [b]) => a - b),
      count: points.counts[i]!,
      sum: points.sums[i]!,
    };
  }

  copy(to: number, from: number): void {
    this.#states[to] = this.#states[from];
  }

  add(): boolean {
    return false;
  }

  clear(row: number): void {
    this.#states[row] = undefined;
  }

  /** Summaries have none. */
  keep(): void {}

  write(out: TextWriter, starts: LineStarts, labels: string, row: number, time: string): void {
    const { quantiles, count, sum } = this.#states[row]!;
    const fixed = starts.count.open.length + labels.length + 2 * NUMBER_BYTES + time.length;
    for (const [quantile, value] of quantiles) {
      const text = starts.view.openMetrics ? formatOpenMetricsFloat(quantile) : formatFloat(quantile);
      out.reserve(fixed + text.length);
      out.text(starts.sample.open);
      out.text(labels);
      out.text(`${labels === '' ? '' : ','}quantile="${text}"} `);
      out.floatLine(value, time);
    }
    out.reserve(2 * fixed);
    begin(out, starts.sum, labels);
    out.floatLine(sum, time);
    begin(out, starts.count, labels);
    out.integerLine(count, time);
  }

  /** Metric: 1 label, 4 summary, 6 timestamp_ms. Summary: 1 sample_count, 2 sample_sum, 3 quantile (1 quantile, 2 value). */
  writeMessage(out: MessageWriter, labels: string, row: number, timeMs: number): void {
    const { quantiles, count, sum } = this.#states[row]!;
    out.message(4, (metric) => {
      metric.out.reserve(labels.length);
      metric.out.text(labels);
      metric.message(4, (summary) => {
        summary.uint(1, count);
        summary.double(2, sum);
        for (const [quantile, value] of quantiles) {
          summary.message(3, (pair) => {
            pair.double(1, quantile);
            pair.double(2, value);
          });
        }
      });
      if (timeMs !== 0) metric.uint(6, timeMs);
    });
  }
}
