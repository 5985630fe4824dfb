import { type QueuedRequest, type QueueTotals, type RequestQueue, RunningTotals, type TakenRequest } from './queue.ts';

/** A queue that ends with the process. */
export class MemoryQueue implements RequestQueue {
  readonly durable = false;
  readonly #totals = new RunningTotals();
  #requests: (QueuedRequest | undefined)[] = [];
  /** What lies before is taken; the list is cut when that is half of it. */
  #head = 0;

  get totals(): QueueTotals {
    return this.#totals;
  }

  get waiting(): number {
    return this.#requests.length - this.#head;
  }

  add(request: QueuedRequest): void {
    this.#totals.add(request);
    this.#requests.push(request);
  }

  take(): TakenRequest | undefined {
    const request = this.#requests[this.#head];
    if (request === undefined) return undefined;
    this.#requests[this.#head++] = undefined;
    if (this.#head * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#head);
      this.#head = 0;
    }
    return { request, done: () => this.#totals.remove(request) };
  }

  close(): void {}
}
