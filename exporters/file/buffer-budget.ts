/** The memory that messages on their way to the disk may take, shared by all files of an exporter. */
export class BufferBudget {
  readonly limit: number;
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes in use. May pass the limit by the last message taken. */
  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.limit;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    if (this.#isCrowded) return;
    this.hurry();
  }

  /** Resolves when at most half is in use, or at {@link hurry}; `undefined` when that is so now. */
  room(): Promise<void> | undefined {
    if (!this.#isCrowded) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets those who wait for room go on: the disk will not make any soon. */
  hurry(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  get #isCrowded(): boolean {
    return this.#used > this.limit / 2;
  }
}
