import type { BpfObject, RingBuffer } from 'bpflow/sdk';
import { EVENT_STACK_DEPTH, LAYOUTS } from '../../../bpf/events.gen.ts';
import type { Plan } from '../kernel/ladder.ts';
import { tellsDns } from '../kernel/options.ts';
import { pageSize } from '../kernel/page-size.ts';
import type { KernelPart } from '../kernel/part.ts';
import { type EventType, eventRoles, SAMPLED_KINDS, STACK_KINDS, type StackKind } from './event-types.ts';

/** What is asked of the kernel. */
export interface EventOptions {
  readonly types: ReadonlySet<EventType>;
  /** Bytes of the ring: a power of two, and whole pages. */
  readonly ringBytes: number;
  /** Bytes of each CPU's buffer, where there is no ring: a power of two. */
  readonly bufferBytes: number;
  /** Events of one kind in a second, at most. */
  readonly perSecond: number;
  /** Bytes of the arguments of a program that is executed, at most; 0: none. */
  readonly argumentBytes: number;
  /** Resident memory of a process that is told when it is passed, in pages. */
  readonly memoryPages: number;
  /** Of which kinds stacks are told. */
  readonly stacks: readonly StackKind[];
  /** Frames of the kernel, and of the process, of a stack at most. */
  readonly stackDepth: number;
}

/** Which of the maps there are. */
type EventPlan = Pick<Plan, 'ringbuf' | 'socketStorage'>;

/** Frames that the kernel needs to run a program, which nobody asked for. */
const TRACING_FRAMES = 8;

export const eventsPart: KernelPart = {
  layouts: LAYOUTS,
  isSampled: true,
  isWanted: ({ events }) => events !== undefined,
  roles: ({ events }) => eventRoles(events!.types),
  needsPrograms: (options) => !tellsDns(options),
  prepare(object, { options: { events }, plan }) {
    sizeMaps(object, events!, plan);
    setKnobs(object, events!, plan);
  },
};

function sizeMaps(object: BpfObject, options: EventOptions, plan: EventPlan): void {
  object.setMaxEntries('events', options.ringBytes);
  object.setAutocreate(channelMaps(plan.ringbuf).unused, false);
  if (options.stacks.length === 0) object.setMaxEntries('stack_records', 1);
  const tcp = options.types.has('tcp');
  if (!tcp || !plan.socketStorage) object.setAutocreate('socket_owners', false);
  if (tcp && !plan.socketStorage) return;
  for (const map of ['owner_table', 'listener_owners']) object.setAutocreate(map, false);
}

function setKnobs(object: BpfObject, options: EventOptions, plan: EventPlan): void {
  setChannelKnobs(object, options, plan.ringbuf);
  object.setGlobal('use_socket_storage', plan.socketStorage);
  object.setGlobal('arguments_length', options.argumentBytes);
  object.setGlobal('memory_threshold', options.memoryPages);
  object.setGlobal('stack_kinds', bitsOf(options.stacks.map((kind) => STACK_KINDS[kind])));
  object.setGlobal('stack_depth', Math.min(options.stackDepth + TRACING_FRAMES, EVENT_STACK_DEPTH));
}

/** Of each object that tells events. To be called before it is loaded. */
export function setChannelKnobs(object: BpfObject, options: EventOptions, ringbuf: boolean): void {
  object.setGlobal('use_ring', ringbuf);
  object.setGlobal('sampled_kinds', bitsOf([...SAMPLED_KINDS]));
  object.setGlobal('events_per_second', options.perSecond);
  object.setGlobal('ring_bytes', options.ringBytes);
}

function bitsOf(kinds: readonly number[]): bigint {
  return kinds.reduce((bits, kind) => bits | (1n << BigInt(kind)), 0n);
}

/** Maps that all objects which tell events share, and the one that is not made. */
export function channelMaps(ringbuf: boolean): { readonly shared: readonly string[]; readonly unused: string } {
  const [used, unused] = ringbuf ? (['events', 'event_buffers'] as const) : (['event_buffers', 'events'] as const);
  return { shared: [used, 'event_counts', 'event_windows', 'refused_groups'], unused };
}

/** What events come through, of an object that is loaded. Throws a BpfError with the map as its subject. */
export function openEventRing(object: BpfObject, options: EventOptions, ringbuf: boolean): RingBuffer {
  return ringbuf
    ? object.map('events').ring()
    : object.map('event_buffers').ring({ bytesPerCpu: bufferBytes(options) });
}

/** Bytes of each CPU's buffer: a page at least. */
export function bufferBytes(options: EventOptions): number {
  return Math.max(options.bufferBytes, pageSize());
}
