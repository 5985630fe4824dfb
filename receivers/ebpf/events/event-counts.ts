import type { BpfMap } from 'bpflow/sdk';
import { EventCount } from '../../../bpf/events.gen.ts';
import { MapBuffer } from '../kernel/map-buffer.ts';
import { KIND_NAMES } from './event-types.ts';

/**
 * What became of the events of one kind: offered = received + the dropped of all reasons + those on their way, which at rest
 * are none.
 */
export interface EventBalance {
  readonly offered: number;
  /** Accepted by the next component. */
  readonly received: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Why an event was not handed on, by where that is decided. */
export const KERNEL_REASONS = ['excluded', 'sampled_out', 'rate_limit', 'ring_full', 'no_buffer'] as const;
export const USER_REASONS = ['filtered', 'no_container', 'unknown_container', 'unclaimed', 'rejected'] as const;
export type UserReason = (typeof USER_REASONS)[number];
export type DropReason = (typeof KERNEL_REASONS)[number] | UserReason;

type KernelCounts = [
  offered: number,
  excluded: number,
  sampledOut: number,
  limited: number,
  full: number,
  unserved: number,
];

/** Counts of events by kind and outcome. */
export class EventCounts {
  readonly #kernel: MapBuffer;
  readonly #received = new Float64Array(KIND_NAMES.length);
  readonly #dropped = new Float64Array(KIND_NAMES.length * USER_REASONS.length);

  /** `kernel`: the map `event_counts`. */
  constructor(kernel: BpfMap, options: { readonly batch: boolean }) {
    this.#kernel = new MapBuffer(kernel, options);
  }

  received(kind: number, count = 1): void {
    this.#received[kind]! += count;
  }

  dropped(kind: number, reason: UserReason, count = 1): void {
    this.#dropped[kind * USER_REASONS.length + USER_REASONS.indexOf(reason)]! += count;
  }

  /** By kind: `exec`. */
  balance(): ReadonlyMap<string, EventBalance> {
    const kernel = this.#readKernel();
    return new Map(
      KIND_NAMES.map((name, kind) => {
        const [offered, excluded, sampledOut, limited, full, unserved] = kernel[kind]!;
        const own = (reason: UserReason) => this.#dropped[kind * USER_REASONS.length + USER_REASONS.indexOf(reason)]!;
        const dropped = {
          excluded,
          sampled_out: sampledOut,
          rate_limit: limited,
          ring_full: full,
          no_buffer: unserved,
          filtered: own('filtered'),
          no_container: own('no_container'),
          unknown_container: own('unknown_container'),
          unclaimed: own('unclaimed'),
          rejected: own('rejected'),
        };
        return [name, { offered, received: this.#received[kind]!, dropped }];
      }),
    );
  }

  /** Events that happened on a CPU without a buffer. */
  unserved(): number {
    return this.#readKernel().reduce((sum, [, , , , , unserved]) => sum + unserved, 0);
  }

  /** Over all CPUs, by kind. */
  #readKernel(): KernelCounts[] {
    const counts = KIND_NAMES.map((): KernelCounts => [0, 0, 0, 0, 0, 0]);
    const buffer = this.#kernel;
    const count = new EventCount();
    for (let entry = buffer.read() - 1; entry >= 0; entry--) {
      const sums = counts[buffer.keys[entry]!];
      for (let cpu = 0; sums !== undefined && cpu < buffer.cpus; cpu++) {
        const { offered, excluded, sampledOut, limited, full, unserved } = count.move(
          buffer.values,
          entry * buffer.entryWords + cpu * buffer.cpuWords,
        );
        for (const [i, value] of [offered, excluded, sampledOut, limited, full, unserved].entries())
          sums[i]! += Number(value);
      }
    }
    return counts;
  }
}
