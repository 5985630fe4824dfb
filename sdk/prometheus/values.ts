import type { Exemplars, PointColumns } from 'bpflow/sdk';
import type { MessageWriter } from './message-writer.ts';
import { byteString, type TextWriter } from './text-writer.ts';

/** How a page is written. */
export interface View {
  readonly openMetrics: boolean;
  /** Whether it is a sequence of MetricFamily messages instead of text. */
  readonly protobuf: boolean;
  /** Whether names and labels keep all their characters, in quotes. */
  readonly utf8: boolean;
}

/** The values of one family's rows, and how they look on a page. Row 0 is for sums on the way. */
export interface Values {
  /** Makes room for rows up to this many. */
  grow(rows: number): void;
  set(row: number, points: PointColumns, i: number): void;
  copy(to: number, from: number): void;
  /** Adds a row's value to another's; false, and nothing done, where they cannot be added. */
  add(to: number, from: number): boolean;
  clear(row: number): void;
  /** Keeps the exemplars [from, to) of the point last set. */
  keep(row: number, exemplars: Exemplars, from: number, to: number): void;
  /** Writes the lines of one series. `labels` is a byte string without braces; `time` is empty, or a blank and the timestamp. */
  write(out: TextWriter, starts: LineStarts, labels: string, row: number, time: string): void;
  /** Writes the Metric message of one series into its family. `labels` are LabelPair messages; `timeMs` is 0 for none. */
  writeMessage(out: MessageWriter, labels: string, row: number, timeMs: number): void;
}

/** The texts with which a family's lines begin in one view. */
export interface LineStarts {
  readonly view: View;
  readonly sample: LineStart;
  readonly bucket: LineStart;
  readonly sum: LineStart;
  readonly count: LineStart;
}

export interface LineStart {
  /** With labels to follow: `name{`. */
  readonly open: string;
  /** Without any: `name `. */
  readonly bare: string;
}

export function lineStarts(name: string, view: View, counter: boolean): LineStarts {
  const start = (suffix: string): LineStart => {
    const full = `${name}${suffix}`;
    return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(full)
      ? { open: `${full}{`, bare: `${full} ` }
      : { open: `{${quoted(full)},`, bare: `{${quoted(full)}} ` };
  };
  const total = counter && view.openMetrics && !name.endsWith('_total');
  return {
    view,
    sample: start(total ? '_total' : ''),
    bucket: start('_bucket'),
    sum: start('_sum'),
    count: start('_count'),
  };
}

/** The views that differ. */
export function viewKey({ openMetrics, protobuf, utf8 }: View): string {
  return `${protobuf ? 'protobuf' : openMetrics ? 'openmetrics' : 'text'}${utf8 ? ' utf8' : ''}`;
}

/** A UTF-8 metric name in quotes, as a byte string. */
export function quoted(name: string): string {
  return `"${byteString(name.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)))}"`;
}

/** Writes everything of a line that comes before its value. */
export function begin(out: TextWriter, start: LineStart, labels: string): void {
  if (labels === '') {
    out.text(start.bare);
    return;
  }
  out.text(start.open);
  out.text(labels);
  out.byte(125);
  out.byte(32);
}
