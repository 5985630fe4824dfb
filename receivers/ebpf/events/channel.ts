import {
  asError,
  type BpfMap,
  type Clock,
  type Consumer,
  createScope,
  type LogBatch,
  LogBuilder,
  type Logger,
  type NewLogRecord,
  PermanentError,
  type RingBuffer,
  THRESHOLD_ATTRIBUTE,
  type Threshold,
  type Timer,
} from 'bpflow/sdk';
import { EVENT_REFUSED_GROUPS, EventHeader, EventKind } from '../../../bpf/events.gen.ts';
import { GROUP_EXCLUDED, GROUP_OTHER } from '../../../bpf/process.gen.ts';
import type { Group, Groups } from '../series/groups.ts';
import type { EventCounts, UserReason } from './event-counts.ts';
import { SAMPLED_KINDS } from './event-types.ts';
import { logRecord } from './log-record.ts';
import { EventRecord } from './record.ts';
import type { Stacks } from './stacks.ts';
import { connectTime } from './tcp-events.ts';
import { type TellerOptions, tell } from './teller.ts';
import { WallClock } from './wall-clock.ts';

/** Bytes that are read from the ring before they are handed on, at most; pages that no storm has reached take no memory. */
const READ_BYTES = 2 ** 20;
/** No record has as many bytes, with its length before it. */
const LARGEST_RECORD = 4096;
/** After how many records it is looked whether more have come: telling one takes longer than the kernel needs to write it. */
const LOOK_EVERY = 32;
/** Words before each record: its length, and a zero. */
const LENGTH_WORDS = 2;
/** Buffers that are read from the ring at the end, at most: programs are attached until then. */
const LAST_ROUNDS = 64;
/** Ids of groups that are kept because nothing is known of them, at most. */
const MOST_UNKNOWN = 4096;
/** How long the ring is left alone when nobody takes what was read. */
const RETRY_MS = 50;
/** How often it is asked whether containers have names by now. */
const HELD_MS = 1000;
/** Events of containers without a name that are held, at most. */
const MOST_HELD = 1000;

export interface EventChannelOptions extends TellerOptions {
  readonly ring: RingBuffer;
  /** The kernel's map of groups whose events are thrown away. */
  readonly refused: BpfMap;
  readonly groups: Groups;
  readonly counts: EventCounts;
  /** How many events one stands for of those kinds that are sampled; undefined when all are told. */
  readonly threshold: Threshold | undefined;
  /** Undefined when nobody asked for any. */
  readonly stacks: Stacks | undefined;
  readonly next: Consumer<LogBatch>;
  readonly clock: Clock;
  /** ns of the monotonic clock that the kernel stamps events with. */
  readonly monotonicNs: () => bigint;
  readonly log: Logger;
  /** The agent's version. */
  readonly version: string;
}

/** A batch that nobody has taken yet, with its records by kind. */
interface Pending {
  readonly batch: LogBatch;
  readonly kinds: readonly number[];
}

interface Held {
  readonly record: NewLogRecord;
  /** Of its records in the ring: its own, and that of its stack. */
  readonly kinds: readonly number[];
  readonly group: Group;
}

/**
 * The way of events from the ring to the next component: at once, and one batch at a time. While the next one refuses, or has not
 * answered, the ring is what holds them; what finds no room there is counted by the kernel.
 */
export class EventChannel {
  readonly #options: EventChannelOptions;
  readonly #ring: RingBuffer;
  readonly #clock: WallClock;
  readonly #record: EventRecord;
  readonly #buffer: Uint8Array;
  readonly #builder: LogBuilder;
  readonly #abort = new AbortController();
  /** Ids of groups that nothing is known of: each look costs a pass over the kernel's map. */
  readonly #unknown = new Set<number>();
  /** Groups that are refused only as long as their container is. */
  readonly #closed = new Map<number, Group>();
  #held: Held[] = [];
  #kinds: number[] = [];
  #pending: Pending | undefined;
  #delivery: Promise<void> | undefined;
  #retry: Timer | undefined;
  #heldTimer: Timer | undefined;
  #listening = false;
  #stopped = false;

  constructor(options: EventChannelOptions) {
    this.#options = options;
    const words = new Uint32Array(READ_BYTES / 4);
    this.#record = new EventRecord(words);
    this.#buffer = new Uint8Array(words.buffer);
    this.#builder = new LogBuilder({ scope: createScope('bpflow/receivers/ebpf', options.version) });
    this.#ring = options.ring;
    this.#clock = new WallClock(options.clock, options.monotonicNs);
    this.#heldTimer = options.clock.every(HELD_MS, () => this.#askAgain());
    this.#listen();
  }

  /** Events that were read and are waiting here. */
  get waiting(): number {
    return (this.#pending?.kinds.length ?? 0) + this.#held.length;
  }

  /** Hands on what is in the ring by now, and ends. What is not accepted then is counted as rejected. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#heldTimer?.cancel();
    this.#retry?.cancel();
    this.#deafen();
    await this.#delivery;
    for (let rounds = 0; rounds < LAST_ROUNDS; rounds++) {
      if (this.#pending === undefined && !this.#releaseHeld(true) && !this.#read()) break;
      await this.#deliver();
      this.#giveUp();
    }
    this.#options.stacks?.expire(true);
    this.#abort.abort();
    this.#ring.close();
  }

  #deafen(): void {
    this.#listening = false;
    this.#ring.onReadable(undefined);
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#ring.onReadable(() => {
      if (this.#options.next.refusal() !== undefined) {
        this.#pause();
        return;
      }
      this.#read();
      this.#deliver();
    });
  }

  #pause(): void {
    this.#deafen();
    this.#retry?.cancel();
    this.#retry = this.#options.clock.after(RETRY_MS, () => {
      if (this.#options.next.refusal() !== undefined) this.#pause();
      else if (this.#pending === undefined) this.#listen();
      else this.#deliver();
    });
  }

  /**
   * Reads what fits the buffer into {@link #pending}; false when the ring was empty. What comes while records are told is copied
   * behind them, so that the ring, which is small, has room again.
   */
  #read(): boolean {
    let words = this.#drain(0);
    if (words === 0) return false;
    let now = this.#clock.look();
    for (let at = 0, told = 1; at < words; told++) {
      const length = this.#record.words[at]!;
      if (length >= EventHeader.SIZE) this.#take(this.#record.move(at + LENGTH_WORDS, length), now);
      at += LENGTH_WORDS + Math.ceil(length / 8) * 2;
      if (told % LOOK_EVERY !== 0 || this.#ring.pending === 0) continue;
      words += this.#drain(words);
      now = this.#clock.look();
    }
    this.#seal();
    return true;
  }

  /** Copies what the ring has behind so many words of the buffer; returns by how many words there are more now. */
  #drain(from: number): number {
    const room = this.#buffer.subarray(from * 4);
    return room.length < LARGEST_RECORD ? 0 : this.#ring.drain(room) / 4;
  }

  /** Makes the batch of what was taken since the last one. */
  #seal(): void {
    const batch = this.#builder.take();
    if (batch !== undefined) this.#pending = { batch, kinds: this.#kinds };
    this.#kinds = [];
  }

  #take(record: EventRecord, now: bigint): void {
    const { header } = record;
    const { kind } = header;
    const { stacks } = this.#options;
    if (kind === EventKind.EVENT_STACK) {
      stacks?.add(record);
      return;
    }
    const stack = stacks?.claim(header.tid, beganAt(record));
    const kinds = stack === undefined ? [kind] : [kind, EventKind.EVENT_STACK];
    const group = this.#groupOf(header.group);
    const isContainer = CONTAINER_KINDS.has(kind);
    if (!isContainer && !group.counts) {
      this.#dropped(kinds, 'filtered');
      this.#refuse(header.group);
      return;
    }
    const told = tell(record, group.process, this.#options);
    if (typeof told === 'string') {
      this.#dropped(kinds, told);
      return;
    }
    const threshold = SAMPLED_KINDS.has(kind) ? this.#options.threshold?.text : undefined;
    const more = {
      ...(threshold !== undefined && { [THRESHOLD_ATTRIBUTE]: threshold }),
      ...(stack !== undefined && { [STACK_ATTRIBUTE]: stack }),
    };
    const made = logRecord(header, told, group, { time: this.#clock.timeOf(header.time), now, more });
    if (isContainer || group.gate === undefined || group.gate.state === 'open') {
      this.#add(kinds, made);
    } else if (group.gate.state === 'closed') {
      this.#dropped(kinds, 'filtered');
      this.#refuse(header.group);
      this.#closed.set(header.group, group);
    } else if (this.#held.length < MOST_HELD) {
      this.#held.push({ record: made, kinds, group });
    } else {
      this.#dropped(kinds, 'unknown_container');
    }
  }

  #dropped(kinds: readonly number[], reason: UserReason): void {
    for (const kind of kinds) this.#options.counts.dropped(kind, reason);
  }

  #groupOf(id: number): Group {
    const { groups } = this.#options;
    if (id === GROUP_EXCLUDED || this.#unknown.has(id)) return groups.other;
    const group = groups.get(id);
    if (group === groups.other && id !== GROUP_OTHER) {
      if (this.#unknown.size >= MOST_UNKNOWN) this.#unknown.clear();
      this.#unknown.add(id);
    }
    return group;
  }

  #add(kinds: readonly number[], record: NewLogRecord): void {
    this.#builder.add(record);
    this.#kinds.push(...kinds);
  }

  /** Lets the kernel throw such events away itself. */
  #refuse(group: number): void {
    this.#options.refused.update(words(group % EVENT_REFUSED_GROUPS), words(group + 1), 'any');
  }

  /** Events whose container has a name by now go on; groups whose container is let through after all are told again. */
  #askAgain(): void {
    for (const [id, { gate }] of this.#closed) {
      if (gate?.state !== 'open') continue;
      this.#options.refused.update(words(id % EVENT_REFUSED_GROUPS), words(0), 'any');
      this.#closed.delete(id);
    }
    this.#options.stacks?.expire();
    if (this.#pending === undefined && this.#releaseHeld(false)) this.#deliver();
  }

  /** Whether there is something to hand on. */
  #releaseHeld(all: boolean): boolean {
    if (this.#held.length === 0) return false;
    const waiting: Held[] = [];
    for (const each of this.#held) {
      const state = each.group.gate?.state;
      if (state === 'open') this.#add(each.kinds, each.record);
      else if (state === 'closed') this.#dropped(each.kinds, 'filtered');
      else if (all) this.#dropped(each.kinds, 'unknown_container');
      else waiting.push(each);
    }
    this.#held = waiting;
    if (this.#pending === undefined) this.#seal();
    return this.#pending !== undefined;
  }

  /** Offers the batch that was read. Until it is accepted nothing is read. */
  #deliver(): Promise<void> | undefined {
    const offered = this.#pending;
    if (offered === undefined) return undefined;
    try {
      const answer = this.#options.next.consume(offered.batch, this.#abort.signal);
      if (answer === undefined) {
        this.#accepted(offered);
        return undefined;
      }
      this.#deafen();
      this.#delivery = answer.then(
        () => this.#accepted(offered),
        (error: unknown) => this.#refused(error),
      );
      return this.#delivery;
    } catch (error) {
      this.#refused(error);
      return undefined;
    }
  }

  #accepted({ kinds }: Pending): void {
    for (const kind of kinds) this.#options.counts.received(kind);
    this.#goOn();
  }

  #refused(error: unknown): void {
    if (error instanceof PermanentError) {
      this.#options.log.error('Events were refused for good and are lost.', {
        events: this.#pending?.kinds.length,
        error: error.message,
      });
      this.#giveUp();
      this.#goOn();
    } else if (!this.#stopped) {
      this.#options.log.debug('Events were not taken; they are offered again.', { error: asError(error).message });
      this.#pause();
    }
  }

  #goOn(): void {
    this.#pending = undefined;
    this.#delivery = undefined;
    if (!this.#stopped) this.#listen();
  }

  #giveUp(): void {
    for (const kind of this.#pending?.kinds ?? []) this.#options.counts.dropped(kind, 'rejected');
    this.#pending = undefined;
  }
}

const CONTAINER_KINDS: ReadonlySet<number> = new Set([
  EventKind.EVENT_CGROUP_MAKE,
  EventKind.EVENT_CGROUP_ENTER,
  EventKind.EVENT_CGROUP_REMOVE,
]);

/** When the stack of an event was taken. */
function beganAt(record: EventRecord): bigint {
  const { kind, time } = record.header;
  return kind === EventKind.EVENT_TCP_CONNECT ? time - connectTime(record) : time;
}

const STACK_ATTRIBUTE = 'code.stacktrace';

function words(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
