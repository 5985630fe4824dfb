import { asError, type RingBuffer, type Scope, type Timer } from 'bpflow/sdk';
import type { EventCounts } from './event-counts.ts';

/** How often it is asked whether events found no buffer. */
const LOOK_MS = 1000;

/** Opens buffers for CPUs that come online: when the kernel counts events there that found none. */
export function followCpus(ring: RingBuffer, counts: EventCounts, { clock, log }: Pick<Scope, 'clock' | 'log'>): Timer {
  let known = 0;
  const timer = clock.every(LOOK_MS, () => {
    const unserved = counts.unserved();
    if (unserved === known) return;
    known = unserved;
    try {
      ring.follow();
    } catch (error) {
      timer.cancel();
      log.warn('CPUs that came online have no buffer; their events are dropped and counted as no_buffer.', {
        error: asError(error).message,
      });
    }
  });
  return timer;
}
