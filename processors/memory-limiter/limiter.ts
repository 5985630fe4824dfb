import type { Scope } from 'bpflow/sdk';
import type { Limits, MemoryLimiterConfig } from './config.ts';
import type { Memory } from './memory.ts';

/** Shares of the heap that V8 allows, at which it counts as above the soft and the hard limit whatever is configured. */
const HEAP_SOFT = 0.8;
const HEAP_HARD = 0.9;

interface State {
  readonly soft: boolean;
  readonly hard: boolean;
  readonly mib: number;
}

/** Decides, at each check, whether data is refused until the next one. */
export class Limiter {
  refusing = false;
  readonly #config: MemoryLimiterConfig;
  readonly #limits: Limits;
  readonly #memory: Memory;
  readonly #scope: Scope;
  #collectedAt: number;

  constructor(config: MemoryLimiterConfig, limits: Limits, memory: Memory, scope: Scope) {
    this.#config = config;
    this.#limits = limits;
    this.#memory = memory;
    this.#scope = scope;
    this.#collectedAt = scope.clock.monotonic();
  }

  check(): void {
    let state = this.#measure();
    if (state.hard) {
      if (this.#due(this.#config.min_gc_interval_when_hard_limited)) {
        this.#scope.log.warn('Memory usage is above hard limit. Forcing a GC.', { cur_mem_mib: state.mib });
        state = this.#collect();
      }
    } else if (state.soft && this.#due(this.#config.min_gc_interval_when_soft_limited)) {
      this.#scope.log.info('Memory usage is above soft limit. Forcing a GC.', { cur_mem_mib: state.mib });
      state = this.#collect();
    }
    if (state.soft && !this.refusing) {
      this.#scope.log.warn('Memory usage is above soft limit. Refusing data.', { cur_mem_mib: state.mib });
      this.#scope.health({ state: 'degraded', summary: `Refuses data: ${state.mib} MiB are in use.` });
    }
    if (!state.soft && this.refusing) {
      this.#scope.log.info('Memory usage back within limits. Resuming normal operation.', { cur_mem_mib: state.mib });
      this.reportOk();
    }
    this.refusing = state.soft;
  }

  reportOk(): void {
    const mib = Math.floor(this.#limits.soft / 2 ** 20);
    this.#scope.health({ state: 'ok', summary: `Refuses data above ${mib} MiB.` });
  }

  #measure(): State {
    const used = this.#memory.used();
    const heap = this.#memory.heap();
    return {
      soft: used > this.#limits.soft || heap.used > heap.limit * HEAP_SOFT,
      hard: used > this.#limits.hard || heap.used > heap.limit * HEAP_HARD,
      mib: Math.floor(used / 2 ** 20),
    };
  }

  #due(intervalMs: number): boolean {
    return this.#scope.clock.monotonic() - this.#collectedAt >= intervalMs;
  }

  #collect(): State {
    this.#memory.collect();
    this.#collectedAt = this.#scope.clock.monotonic();
    const state = this.#measure();
    this.#scope.log.info('Memory usage after GC.', { cur_mem_mib: state.mib });
    return state;
  }
}
