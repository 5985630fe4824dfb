import type { Scope } from 'bpflow/sdk';
import type { FlowIntake } from './flow-intake.ts';
import type { ServerStatus } from './messages.ts';

const NO_FLOWS_MS = 60_000;
const NO_L7_MS = 300_000;
const ENOUGH_FLOWS = 1000;
const RATE_LIMIT_MS = 60_000;

/** Says once what a user would wonder about: why there are no flows, or none of L7. And, now and then, that flows are being lost. */
export class Hints {
  readonly #intake: FlowIntake;
  readonly #scope: Scope;
  readonly #wantsL7: boolean;
  #startedMs: number | undefined;
  #status: ServerStatus | undefined;
  #toldNoFlows = false;
  #toldNoL7 = false;
  #lost = 0;
  #limited = 0;
  #toldLossMs = Number.NEGATIVE_INFINITY;

  constructor(intake: FlowIntake, scope: Scope, wantsL7: boolean) {
    this.#intake = intake;
    this.#scope = scope;
    this.#wantsL7 = wantsL7;
  }

  status(status: ServerStatus): void {
    this.#status = status;
  }

  tick(nowMs: number): void {
    if (this.#status === undefined) return;
    this.#startedMs ??= nowMs;
    const { accepted, filtered, l7 } = this.#intake.counts;
    const age = nowMs - this.#startedMs;
    if (!this.#toldNoFlows && age > NO_FLOWS_MS && accepted + filtered === 0) {
      this.#toldNoFlows = true;
      this.#scope.log.info(
        this.#status.seen === 0
          ? 'The hubble server has seen no flow: is Cilium the CNI of these pods, and is Hubble enabled (hubble.enabled)?'
          : 'The hubble server sees flows, and none comes: do include, exclude and watch_namespaces leave out everything?',
      );
    }
    if (!this.#toldNoL7 && this.#wantsL7 && age > NO_L7_MS && accepted > ENOUGH_FLOWS && l7 === 0) {
      this.#toldNoL7 = true;
      this.#scope.log.info(
        'Flows of hubble come, but none of HTTP, gRPC or DNS: L7 visibility is off. A policy with L7 rules sends traffic through a proxy that sees them.',
      );
    }
    this.#losses(nowMs);
  }

  #losses(nowMs: number): void {
    const { lost, rateLimited } = this.#intake.counts;
    if ((lost === this.#lost && rateLimited === this.#limited) || nowMs - this.#toldLossMs < RATE_LIMIT_MS) return;
    if (lost > this.#lost) {
      this.#scope.log.warn('Hubble has lost events before they were sent.', { lost: lost - this.#lost });
    }
    if (rateLimited > this.#limited) {
      this.#scope.log.warn('More flows of hubble than max_flows_per_second: the rest was not counted.', {
        dropped: rateLimited - this.#limited,
      });
    }
    this.#lost = lost;
    this.#limited = rateLimited;
    this.#toldLossMs = nowMs;
  }
}
