import type { Marks } from 'bpflow/sdk';
import type { RowBatch } from './rows.ts';

/** How a rule decides on the items that are not always kept. */
export interface Policy<B extends RowBatch> {
  /** Before the rows of a batch; `isOrdinary` tells those it will decide on. */
  begin(batch: B, isOrdinary: (row: number) => boolean): Turn<B>;
  /** Items that were dropped and for which no kept one stands yet. */
  owed?(): number;
  /** What it shows on the admin socket. */
  view?(): Readonly<Record<string, unknown>>;
}

/** Why an item is dropped. */
export type DropReason = 'sampled_out' | 'sampling_error' | 'rate_limited';

/** The decisions on one batch, row by row, ascending. */
export interface Turn<B extends RowBatch> {
  /** Adds its marks when the item is kept; otherwise says why not. */
  decide(batch: B, row: number, marks: Marks): DropReason | undefined;
  /** Of an item that is always kept. */
  keep(batch: B, row: number, marks: Marks): void;
  /** The kept items were not taken: as if the batch had never come. */
  takeBack?(): void;
}
