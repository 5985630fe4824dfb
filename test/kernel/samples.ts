import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { patience } from './machine.ts';

/** One value as it stands on a page: counters under their name, histograms as `_bucket`, `_sum` and `_count`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string>>;

/** What was counted, by series, at one moment. */
export class Samples {
  readonly list: readonly Sample[];

  constructor(list: readonly Sample[]) {
    this.list = list;
  }

  /** Samples of this name that have at least these labels. */
  of(name: string, labels: Labels = {}): readonly Sample[] {
    return this.list.filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  }

  /** Their sum; 0 for none. */
  total(name: string, labels: Labels = {}): number {
    return this.of(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Their values by one label. */
  by(label: string, name: string, labels: Labels = {}): Record<string, number> {
    const values: Record<string, number> = {};
    for (const { labels: found, value } of this.of(name, labels)) {
      const key = found[label] ?? '';
      values[key] = (values[key] ?? 0) + value;
    }
    return values;
  }
}

/** Something whose samples can be read again and again. */
export interface Source {
  read(): Promise<Samples>;
}

/**
 * Reads until `view` gives what is expected, for at most 20 s (emulated: 200 s): the last of a process is counted a moment after it has ended.
 * Fails with the difference. Returns the samples that were right.
 */
export async function reads<T>(source: Source, view: (samples: Samples) => T, expected: T): Promise<Samples> {
  const deadline = performance.now() + patience(20_000);
  for (;;) {
    const samples = await source.read();
    const actual = view(samples);
    try {
      assert.deepEqual(actual, expected);
      return samples;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await wait(50);
  }
}

/** Reads until `holds`, for at most 20 s; fails with what `describe` says of the last reading. */
export async function readsUntil(
  source: Source,
  holds: (samples: Samples) => boolean,
  describe: (samples: Samples) => unknown,
): Promise<Samples> {
  const deadline = performance.now() + patience(20_000);
  for (;;) {
    const samples = await source.read();
    if (holds(samples)) return samples;
    if (performance.now() > deadline) assert.fail(`Still: ${JSON.stringify(describe(samples))}`);
    await wait(50);
  }
}

/** The samples of a page in Prometheus' text format. */
export function parsePage(text: string): Samples {
  const list: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labelText = '', value] = /^([^{ ]+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    assert.ok(name !== undefined && value !== undefined, `No sample: ${line}`);
    const labels: Record<string, string> = {};
    for (const [, key, quoted] of labelText.matchAll(/([^=,]+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key!] = quoted!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    }
    list.push({ name, labels, value: Number(value) });
  }
  return new Samples(list);
}
