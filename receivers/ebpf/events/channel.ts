import {
  asError,
  type BpfMap,
  type Clock,
  type Consumer,
  createScope,
  double,
  type LogBatch,
  LogBuilder,
  type Logger,
  type NewLogRecord,
  PermanentError,
  type RingBuffer,
  type Timer,
} from 'bpflow/sdk';
import { EventHeader, EventKind } from '../../../bpf/events.gen.ts';
import { GROUP_EXCLUDED, GROUP_OTHER } from '../../../bpf/process.gen.ts';
import type { Group, Groups } from '../groups.ts';
import type { EventCounts } from './event-counts.ts';
import { EventRecord, SEVERITY, type Told } from './record.ts';
import { type TellerOptions, tell } from './teller.ts';
import { WallClock } from './wall-clock.ts';

/** Bytes that are read from the ring at a time, at most. */
const READ_BYTES = 128 * 1024;
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
  readonly kind: number;
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

  /** Reads what fits the buffer into {@link #pending}; false when the ring was empty. */
  #read(): boolean {
    const bytes = this.#ring.drain(this.#buffer);
    const now = this.#clock.look();
    const { words } = this.#record;
    for (let at = 0; at < bytes / 4; ) {
      const length = words[at]!;
      if (length >= EventHeader.SIZE) this.#take(this.#record.move(at + LENGTH_WORDS, length), now);
      at += LENGTH_WORDS + Math.ceil(length / 8) * 2;
    }
    this.#seal();
    return bytes > 0;
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
    const { counts } = this.#options;
    const group = this.#groupOf(header.group);
    const isContainer = CONTAINER_KINDS.has(kind);
    if (!isContainer && !group.counts) {
      counts.dropped(kind, 'filtered');
      this.#refuse(header.group);
      return;
    }
    const told = tell(record, group.process, this.#options);
    if (typeof told === 'string') {
      counts.dropped(kind, told);
      return;
    }
    const made = logRecord(header, told, group, { time: this.#clock.timeOf(header.time), now });
    if (isContainer || group.gate === undefined || group.gate.state === 'open') {
      this.#add(kind, made);
    } else if (group.gate.state === 'closed') {
      counts.dropped(kind, 'filtered');
      this.#refuse(header.group);
      this.#closed.set(header.group, group);
    } else if (this.#held.length < MOST_HELD) {
      this.#held.push({ record: made, kind, group });
    } else {
      counts.dropped(kind, 'unknown_container');
    }
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

  #add(kind: number, record: NewLogRecord): void {
    this.#builder.add(record);
    this.#kinds.push(kind);
  }

  /** Lets the kernel throw such events away itself. */
  #refuse(group: number): void {
    this.#options.refused.update(words(group), words(1), 'any');
  }

  /** Events whose container has a name by now go on; groups whose container is let through after all are told again. */
  #askAgain(): void {
    for (const [id, { gate }] of this.#closed) {
      if (gate?.state !== 'open') continue;
      this.#options.refused.delete(words(id));
      this.#closed.delete(id);
    }
    if (this.#pending === undefined && this.#releaseHeld(false)) this.#deliver();
  }

  /** Whether there is something to hand on. */
  #releaseHeld(all: boolean): boolean {
    if (this.#held.length === 0) return false;
    const waiting: Held[] = [];
    for (const each of this.#held) {
      const state = each.group.gate?.state;
      if (state === 'open') this.#add(each.kind, each.record);
      else if (state === 'closed') this.#options.counts.dropped(each.kind, 'filtered');
      else if (all) this.#options.counts.dropped(each.kind, 'unknown_container');
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

function logRecord(
  header: EventHeader,
  told: Told,
  group: Group,
  { time, now }: { readonly time: bigint; readonly now: bigint },
): NewLogRecord {
  const { pid, tid, parent, command } = header;
  const name = group.process === 'other' ? command : group.process;
  return {
    time,
    observedTime: now,
    severity: SEVERITY[told.severity],
    severityText: told.severity,
    eventName: told.name,
    body: `${name} ${told.what}`,
    resource: told.resource ?? group.resource,
    attributes: {
      ...(pid !== 0 && {
        'process.pid': pid,
        'process.parent_pid': parent,
        'process.user.id': header.user,
        'ebpf.process.user_group.id': header.userGroup,
        'thread.name': command,
        ...(tid !== pid && { 'thread.id': tid }),
      }),
      'cpu.logical_number': header.cpu,
      ...(group.process !== 'other' && { 'process.executable.name': group.process }),
      ...(group.cgroup !== undefined && { 'process.linux.cgroup': group.cgroup }),
      ...told.attributes,
      importance: double(told.importance),
    },
  };
}

function words(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
