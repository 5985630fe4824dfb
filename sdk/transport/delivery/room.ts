/** The limit of a queue, and those who wait for room in it, first come first served. */
export class Room {
  readonly capacity: number;
  readonly #size: () => number;
  readonly #waiting: { readonly size: number; readonly enter: () => void }[] = [];

  constructor(size: () => number, capacity: number) {
    this.#size = size;
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size();
  }

  fits(size: number): boolean {
    return this.#waiting.length === 0 && this.#size() + size <= this.capacity;
  }

  /**
   * Waits for room and calls `enter` in the same tick as it is there, so that nobody else takes it. Resolves to whether
   * there was room before the abort.
   */
  wait(size: number, abort: AbortSignal, enter: () => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const entry = {
      size,
      enter: () => {
        abort.removeEventListener('abort', leave);
        enter();
        resolve(true);
      },
    };
    const leave = (): void => {
      const at = this.#waiting.indexOf(entry);
      if (at >= 0) this.#waiting.splice(at, 1);
      resolve(false);
      this.freed();
    };
    this.#waiting.push(entry);
    if (abort.aborted) leave();
    else abort.addEventListener('abort', leave, { once: true });
    return promise;
  }

  /** Something left the queue. */
  freed(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#size() + next.size > this.capacity) return;
      this.#waiting.shift();
      next.enter();
    }
  }
}
