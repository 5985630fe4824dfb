import type { ComponentHealth } from '../sdk/agent.ts';
import type { Clock, ComponentId, Health } from '../sdk/scope.ts';

/** What each component last said of itself, in the order in which they were first shown. */
export class HealthBoard {
  readonly #clock: Clock;
  readonly #shown: Entry[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How a component that is `starting` reports. It is not on the board before it is shown. */
  reporter(id: ComponentId, pipeline: string | undefined): HealthReporter {
    const clock = this.#clock;
    const shown = this.#shown;
    const entry: Entry = { current: { id, pipeline, since: clock.now(), ...STARTING }, reported: false };
    const set = (health: Health): void => {
      const since = health.state === entry.current.state ? entry.current.since : clock.now();
      entry.current = { id, pipeline, since, ...health };
    };
    return {
      show() {
        if (shown.includes(entry)) return;
        const before = shown.findIndex(({ current }) => isOf(current, id, pipeline));
        if (before >= 0) shown[before] = entry;
        else shown.push(entry);
      },
      report(health) {
        entry.reported = health.state !== 'starting';
        set(health);
      },
      started() {
        if (!entry.reported) set({ state: 'ok', summary: 'Running.' });
      },
      stopped() {
        set({ state: 'stopped', summary: 'Stopped.' });
      },
      remove() {
        const at = shown.indexOf(entry);
        if (at >= 0) shown.splice(at, 1);
      },
    };
  }

  list(): readonly ComponentHealth[] {
    return this.#shown.map((entry) => entry.current);
  }
}

export interface HealthReporter {
  /** Puts the component on the board, in the place of one of the same id. */
  show(): void;
  /** The component's own word. */
  report(health: Health): void;
  /** It has started; without a word of its own it is well. */
  started(): void;
  stopped(): void;
  /** Takes it off the board, unless another instance has its place already. */
  remove(): void;
}

interface Entry {
  current: ComponentHealth;
  reported: boolean;
}

const STARTING: Health = { state: 'starting', summary: 'Not started yet.' };

function isOf(health: ComponentHealth, id: ComponentId, pipeline: string | undefined): boolean {
  return health.id.kind === id.kind && String(health.id) === String(id) && health.pipeline === pipeline;
}
