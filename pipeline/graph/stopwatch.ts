/**
 * Time spent in the synchronous part of component calls, each without the calls it makes into the next ones.
 * One for a graph, because calls nest across components.
 */
export class Stopwatch {
  #nestedMs = 0;

  /** Runs a call and hands its own time, in ms, to `done`. */
  time<T>(call: () => T, done: (ownMs: number) => void): T {
    const outer = this.#nestedMs;
    this.#nestedMs = 0;
    const start = performance.now();
    try {
      return call();
    } finally {
      const elapsed = performance.now() - start;
      done(Math.max(0, elapsed - this.#nestedMs));
      this.#nestedMs = outer + elapsed;
    }
  }
}
