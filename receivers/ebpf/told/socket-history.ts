import type { SocketFacts } from 'bpflow/sdk';
import type { ToldSocket } from './socket-records.ts';

/** The sockets that ended last, by 5-tuple; at most `limit`, then the oldest make room. */
export class SocketHistory {
  /** Sockets that made room. */
  evicted = 0;
  readonly #limit: number;
  /** In a circle: the oldest is overwritten. */
  readonly #all: ToldSocket[] = [];
  readonly #byTuple = new Map<string, ToldSocket[]>();
  #next = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#all.length;
  }

  add(socket: ToldSocket): void {
    const oldest = this.#all[this.#next];
    if (oldest !== undefined) this.#forget(oldest);
    this.#all[this.#next] = socket;
    this.#next = (this.#next + 1) % this.#limit;
    const same = this.#byTuple.get(socket.tuple);
    if (same === undefined) this.#byTuple.set(socket.tuple, [socket]);
    else same.push(socket);
  }

  /** When each of them opened may tell which one is meant. */
  of(tuple: string): readonly SocketFacts[] {
    return this.#byTuple.get(tuple)?.map(({ facts }) => facts) ?? [];
  }

  clear(): void {
    this.#all.length = 0;
    this.#byTuple.clear();
    this.#next = 0;
  }

  #forget(oldest: ToldSocket): void {
    this.evicted++;
    const same = this.#byTuple.get(oldest.tuple)!;
    if (same.length === 1) this.#byTuple.delete(oldest.tuple);
    else same.splice(same.indexOf(oldest), 1);
  }
}
