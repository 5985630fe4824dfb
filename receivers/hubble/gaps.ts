import type { Logger } from 'bpflow/sdk';
import type { FlowIntake } from './flow-intake.ts';
import type { ServerStatus } from './messages.ts';
import type { ServerView } from './own-metrics.ts';
import type { Asked } from './session.ts';

const NS_PER_MS = 1e6;
/** Two machines' clocks drift apart by so much at most. */
const DRIFT = 1e-4;
const UNSURE_MS = 50;

/**
 * Finds what was missed between two connections. A ring that has turned meanwhile says nothing of it, but the server counts
 * what it has seen:
 *
 *     seen when last asked + came since ≤ had;  seen now − entries now ≤ overwritten;  missed ≥ overwritten − had
 *
 * After a restart of the server its ring is gone, and nobody knows.
 */
export class Gaps {
  #status: ServerStatus | undefined;
  #asked: Asked = { fromMs: 0, toMs: 0 };
  /** Flows and losses that had come when the server was last asked. */
  #cameAt = 0;
  #gaps = 0;
  #unknownGaps = 0;
  readonly #intake: FlowIntake;
  readonly #log: Logger;

  constructor(intake: FlowIntake, log: Logger) {
    this.#intake = intake;
    this.#log = log;
  }

  get view(): ServerView {
    return { status: this.#status, gaps: this.#gaps, unknownGaps: this.#unknownGaps };
  }

  /** What the server says of itself; `reconnected`: for the first time after the stream was lost. */
  status(status: ServerStatus, reconnected: boolean, isRelay: boolean, asked: Asked): void {
    const last = this.#status;
    if (reconnected && last !== undefined) this.#compare(last, status, isRelay, asked);
    this.#status = status;
    this.#asked = asked;
    this.#cameAt = this.#came();
  }

  #compare(last: ServerStatus, status: ServerStatus, isRelay: boolean, asked: Asked): void {
    if (!isRelay && (status.seen < last.seen || this.#isAnotherStart(last, status, asked))) {
      this.#unknownGaps++;
      this.#log.warn('The hubble server was started anew: what it saw since the last flow that came is lost.', {
        missed: 'unknown',
      });
      return;
    }
    const had = last.seen + (this.#came() - this.#cameAt);
    const missed = status.seen - status.entries - had;
    if (missed <= 0) return;
    this.#gaps++;
    this.#intake.gap(missed);
    this.#log.warn('Flows of hubble were overwritten before the connection was there again.', {
      missed: `at least ${missed}`,
    });
  }

  /** Whether the server cannot have been started when it was before. */
  #isAnotherStart(last: ServerStatus, status: ServerStatus, asked: Asked): boolean {
    if (last.uptimeNs === 0 || status.uptimeNs === 0) return false;
    const latestBefore = this.#asked.toMs - last.uptimeNs / NS_PER_MS;
    const earliestNow = asked.fromMs - status.uptimeNs / NS_PER_MS;
    return earliestNow - latestBefore > UNSURE_MS + (asked.toMs - this.#asked.fromMs) * DRIFT;
  }

  #came(): number {
    const { accepted, filtered, sampledOut, rateLimited, lost } = this.#intake.counts;
    return accepted + filtered + sampledOut + rateLimited + lost;
  }
}
