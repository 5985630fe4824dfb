import type { PointColumns } from '../metrics.ts';
import type { RowStates } from './series-rows.ts';

/**
 * The state of all series of one metric, for one kind of points, and the points made of it. For each conversion
 * {@link begin} comes first and {@link finish} last.
 */
export interface PointStates<P extends PointColumns> extends RowStates {
  /** Takes the points that the following calls refer to by `i`. At most `points.length` are written. */
  begin(points: P): void;
  /** Whether point i can be a value of this metric at all. */
  valid(i: number): boolean;
  /** Forgets a row's state; it is as it was before its first point. */
  clear(row: number): void;

  /** Whether point i can be added to the row: bounds are the same, for example. */
  adds(row: number, i: number): boolean;
  /** Adds point i to the row. */
  add(row: number, i: number): void;
  /** Writes the row's total as output point `out`; it may be written again. */
  writeTotal(out: number, row: number): void;

  /** Whether point i can follow what the row holds without a reset: nothing fell. */
  follows(row: number, i: number): boolean;
  /** Writes what point i has more than the row. */
  writeDifference(out: number, row: number, i: number): void;
  /** Writes point i as it is. */
  writeWhole(out: number, i: number): void;
  /** Makes point i what the row holds. */
  store(row: number, i: number): void;

  /** Writes an output point without a value. */
  writeNothing(out: number): void;
  /** The first `count` output points, without the columns that every kind has. */
  finish(count: number): Omit<P, keyof PointColumns>;
}
