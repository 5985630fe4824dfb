import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that works for each byte on stdin and then tells what it did. */
export class Steps implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  next(): Promise<Record<string, number>> {
    this.#child.stdin!.write('a');
    return this.line();
  }

  async line(): Promise<Record<string, number>> {
    return JSON.parse((await this.#lines.next()).value);
  }

  [Symbol.dispose](): void {
    this.#child.stdin!.end();
  }
}
