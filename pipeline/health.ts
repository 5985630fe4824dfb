import type { ComponentHealth } from '../sdk/agent.ts';
import type { Clock, ComponentId, Health } from '../sdk/scope.ts';

/** What each component last said of itself, in the order in which they were added. */
export class HealthBoard {
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a component as `starting` and returns how it reports. */
  add(id: ComponentId, pipeline: string | undefined): HealthReporter {
    const entry: Entry = { current: { id, pipeline, since: this.#clock.now(), ...STARTING }, reported: false };
    this.#entries.push(entry);
    const set = (health: Health): void => {
      const since = health.state === entry.current.state ? entry.current.since : this.#clock.now();
      entry.current = { id, pipeline, since, ...health };
    };
    return {
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
    };
  }

  list(): readonly ComponentHealth[] {
    return this.#entries.map((entry) => entry.current);
  }
}

export interface HealthReporter {
  /** The component's own word. */
  report(health: Health): void;
  /** It has started; without a word of its own it is well. */
  started(): void;
  stopped(): void;
}

interface Entry {
  current: ComponentHealth;
  reported: boolean;
}

const STARTING: Health = { state: 'starting', summary: 'Not started yet.' };
