import type { BpfObject } from 'bpflow/sdk';
import { type EventType, SAMPLED_KINDS } from './event-types.ts';

/** What is asked of the kernel. */
export interface EventOptions {
  readonly types: ReadonlySet<EventType>;
  /** Bytes of the ring: a power of two, and whole pages. */
  readonly ringBytes: number;
  /** Events of one kind in a second, at most. */
  readonly perSecond: number;
  /** Bytes of the arguments of a program that is executed, at most; 0: none. */
  readonly argumentBytes: number;
}

/** The reader is woken at this share of the ring even when it is about to look by itself. */
const WAKE_SHARE = 1 / 8;

/** To be called before the object is loaded. */
export function setEventKnobs(object: BpfObject, options: EventOptions): void {
  object.setGlobal(
    'sampled_kinds',
    [...SAMPLED_KINDS].reduce((bits, kind) => bits | (1n << BigInt(kind)), 0n),
  );
  object.setGlobal('events_per_second', options.perSecond);
  object.setGlobal('wake_bytes', options.ringBytes * WAKE_SHARE);
  object.setGlobal('arguments_length', options.argumentBytes);
}

/** To be called before the object is loaded. */
export function sizeEventMaps(object: BpfObject, options: EventOptions): void {
  object.setMaxEntries('events', options.ringBytes);
  if (!options.types.has('tcp')) object.setAutocreate('socket_owners', false);
}
