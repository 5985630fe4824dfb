import type { Batch } from 'bpflow/sdk';

/** What becomes of a batch. */
export interface Outcome<B extends Batch> {
  /** What passes now; undefined for nothing. */
  readonly pass: B | undefined;
  /** What is held, as it came; undefined for nothing. */
  readonly held: B | undefined;
  readonly heldItems: number;
  /** Items that were not in the batch: ends of series that changed their names. */
  readonly created: number;
  /** Items that pass, first those with names, then by reason. */
  readonly reasons: Uint32Array;
  /** To be called once the batch that passes was accepted. */
  readonly commit: () => void;
}
