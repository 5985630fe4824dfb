import type { BpfObject, RingBuffer } from 'bpflow/sdk';
import type { Plan } from '../ladder.ts';
import { pageSize } from '../page-size.ts';
import type { EventType } from './event-types.ts';

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
}

/** Which of the maps there are. */
type EventPlan = Pick<Plan, 'ringbuf' | 'socketStorage'>;

/** The reader is woken at this share of the ring even when it is about to look by itself. */
const WAKE_SHARE = 1 / 8;

/** To be called before the object is loaded. */
export function setEventKnobs(object: BpfObject, options: EventOptions, plan: EventPlan): void {
  object.setGlobal('use_ring', plan.ringbuf);
  object.setGlobal('use_socket_storage', plan.socketStorage);
  object.setGlobal('events_per_second', options.perSecond);
  object.setGlobal('wake_bytes', options.ringBytes * WAKE_SHARE);
  object.setGlobal('arguments_length', options.argumentBytes);
}

/** To be called before the object is loaded. */
export function sizeEventMaps(object: BpfObject, options: EventOptions, plan: EventPlan): void {
  object.setMaxEntries('events', options.ringBytes);
  object.setAutocreate(plan.ringbuf ? 'event_buffers' : 'events', false);
  const tcp = options.types.has('tcp');
  if (!tcp || !plan.socketStorage) object.setAutocreate('socket_owners', false);
  if (tcp && !plan.socketStorage) return;
  for (const map of ['owner_table', 'listener_owners']) object.setAutocreate(map, false);
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
