import type { Clock, Timer } from '../../scope.ts';
import type { QueuedRequest, TakenRequest } from './queue.ts';
import type { RequestBatchSettings } from './settings.ts';

/** Requests that leave together. */
export class Shipment {
  readonly taken: TakenRequest[] = [];
  items = 0;
  bytes = 0;

  add(taken: TakenRequest): void {
    this.taken.push(taken);
    this.items += taken.request.items;
    this.bytes += taken.request.bytes;
  }
}

/** Gathers taken requests until they are enough, or have waited long enough. */
export class Joiner {
  readonly #settings: RequestBatchSettings;
  readonly #clock: Clock;
  readonly #due: () => void;
  #open = new Shipment();
  #timer: Timer | undefined;
  #overdue = false;

  /** `due` is called when what was gathered should leave whatever its size. */
  constructor(settings: RequestBatchSettings, clock: Clock, due: () => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#due = due;
  }

  get items(): number {
    return this.#open.items;
  }

  get empty(): boolean {
    return this.#open.taken.length === 0;
  }

  /** Adds a request. Returns what must leave before it, because both would be too large. */
  add(taken: TakenRequest): Shipment | undefined {
    const { max_size } = this.#settings;
    const tooLarge = max_size > 0 && !this.empty && this.#size(this.#open) + this.#size(taken.request) > max_size;
    const before = tooLarge ? this.close() : undefined;
    this.#open.add(taken);
    this.#timer ??= this.#clock.after(this.#settings.flush_timeout, () => {
      this.#overdue = true;
      this.#due();
    });
    return before;
  }

  /** What is ready to leave. */
  ready(): Shipment | undefined {
    if (this.empty) return undefined;
    return this.#overdue || this.#size(this.#open) >= this.#settings.min_size ? this.close() : undefined;
  }

  /** Takes out what was gathered. */
  close(): Shipment {
    const shipment = this.#open;
    this.#open = new Shipment();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#overdue = false;
    return shipment;
  }

  /** Lets what was gathered leave. */
  hurry(): void {
    this.#overdue = true;
  }

  #size({ items, bytes }: Pick<QueuedRequest, 'items' | 'bytes'>): number {
    return this.#settings.sizer === 'bytes' ? bytes : items;
  }
}
