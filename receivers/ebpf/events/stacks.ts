import type { Clock } from 'bpflow/sdk';
import { EventKind, StackBody } from '../../../bpf/events.gen.ts';
import type { EventRecord } from './record.ts';
import { type StackTextOptions, stackText } from './stack-text.ts';

/** Stacks that wait for their event at most. */
const MOST_WAITING = 1024;
/** An event follows its stack at once; of a connect that is told when it has ended. */
const WAIT_MS = 2000;
const CONNECT_WAIT_MS = 180_000;

interface Waiting {
  readonly text: string;
  readonly until: number;
}

/** Stacks that came before their events, by thread and time. */
export class Stacks {
  readonly #options: StackTextOptions;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #unclaimed: (count: number) => void;
  readonly #waiting = new Map<string, Waiting>();

  /** `unclaimed`: called with how many have come without an event. */
  constructor(options: StackTextOptions, clock: Pick<Clock, 'monotonic'>, unclaimed: (count: number) => void) {
    this.#options = options;
    this.#clock = clock;
    this.#unclaimed = unclaimed;
  }

  /** What the view shows of it. */
  get view(): { readonly waiting: number; readonly kernelSymbols: number } {
    return { waiting: this.#waiting.size, kernelSymbols: this.#options.symbols.size };
  }

  /** Takes a record of a stack. */
  add(record: EventRecord): void {
    const { tid, time } = record.header;
    const of = record.words[record.body + StackBody.WORD.of];
    const wait = of === EventKind.EVENT_TCP_CONNECT ? CONNECT_WAIT_MS : WAIT_MS;
    const key = keyOf(tid, time);
    if (this.#waiting.has(key)) this.#unclaimed(1);
    this.#waiting.set(key, { text: stackText(record, this.#options), until: this.#clock.monotonic() + wait });
    if (this.#waiting.size > MOST_WAITING) this.#drop(this.#waiting.keys().next().value!);
  }

  /** The stack of this thread at this time. */
  claim(tid: number, time: bigint): string | undefined {
    if (this.#waiting.size === 0) return undefined;
    const key = keyOf(tid, time);
    const found = this.#waiting.get(key);
    if (found !== undefined) this.#waiting.delete(key);
    return found?.text;
  }

  /** Gives up those whose event has found no room. */
  expire(all = false): void {
    const now = this.#clock.monotonic();
    for (const [key, { until }] of this.#waiting) if (all || until <= now) this.#drop(key);
  }

  #drop(key: string): void {
    this.#waiting.delete(key);
    this.#unclaimed(1);
  }
}

function keyOf(tid: number, time: bigint): string {
  return `${tid} ${time}`;
}
