import type { Batch } from '../../pdata/signals.ts';
import { RetryableError } from '../../sdk/errors.ts';
import type { Edge } from './edges.ts';
import type { Node } from './node.ts';

/**
 * Where an outlet leads. The component keeps its outlet for life; what follows can be exchanged between two batches:
 * a batch goes either the old way or the new one.
 */
export class Way implements Edge {
  #to: Edge = CLOSED;
  #reaches: readonly Node[] = [];

  /** What is handed batches here. */
  get reaches(): readonly Node[] {
    return this.#reaches;
  }

  lead(to: Edge, reaches: readonly Node[]): void {
    this.#to = to;
    this.#reaches = reaches;
  }

  /** What comes until it leads somewhere again is refused, and stays with its sender. */
  close(): void {
    this.lead(CLOSED, []);
  }

  refusal(items?: number): RetryableError | undefined {
    return this.#to.refusal(items);
  }

  consume(batch: Batch, abort: AbortSignal): void | Promise<void> {
    return this.#to.consume(batch, abort);
  }
}

const CLOSED: Edge = {
  refusal: () => closed(),
  consume() {
    throw closed();
  },
};

function closed(): RetryableError {
  return new RetryableError('What follows does not run at the moment: it is being started or replaced.');
}
