import type { TableEntry } from './record.ts';
import type { Segment } from './segment.ts';

/** Where a value is. */
export interface Location {
  /** Undefined when the value is known to be damaged. */
  readonly segment: Segment | undefined;
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
}

/** The files of a log, oldest first, and where in them the value of each key is. */
export class LiveIndex {
  readonly segments: Segment[];
  readonly #locations = new Map<string, Location>();

  constructor(segments: Segment[] = []) {
    this.segments = segments;
  }

  /** Bytes on disk, and bytes of the values that are found through the index. */
  get size(): { readonly bytes: number; readonly liveBytes: number } {
    let bytes = 0;
    let liveBytes = 0;
    for (const segment of this.segments) {
      bytes += segment.size;
      liveBytes += segment.liveBytes;
    }
    return { bytes, liveBytes };
  }

  keys(): IterableIterator<string> {
    return this.#locations.keys();
  }

  get(key: string): Location | undefined {
    return this.#locations.get(key);
  }

  has(key: string): boolean {
    return this.#locations.has(key);
  }

  /** Applies a record whose values begin at `valuesAt`. */
  apply(segment: Segment, table: readonly TableEntry[], valuesAt: number): void {
    for (const { key, deleted, valueAt, valueBytes, valueCrc } of table) {
      this.delete(key);
      if (deleted) continue;
      this.#locations.set(key, { segment, at: valuesAt + valueAt, bytes: valueBytes, crc: valueCrc });
      segment.liveEntries++;
      segment.liveBytes += valueBytes;
    }
  }

  /** Applies a record whose values are damaged: keys without an older value become known as damaged. */
  applyDamaged(table: readonly TableEntry[]): void {
    for (const { key, deleted, valueBytes, valueCrc } of table) {
      if (deleted || this.#locations.has(key)) continue;
      this.#locations.set(key, { segment: undefined, at: 0, bytes: valueBytes, crc: valueCrc });
    }
  }

  delete(key: string): void {
    const location = this.#locations.get(key);
    if (location === undefined) return;
    release(location);
    this.#locations.delete(key);
  }

  /** Notes that a value cannot be read, unless the key has another one by now. */
  loseValue(key: string, location: Location): boolean {
    if (this.#locations.get(key) !== location) return false;
    release(location);
    this.#locations.set(key, { ...location, segment: undefined });
    return true;
  }

  /** Takes files out that are gone; the values that stood in them are lost. */
  loseSegments(gone: ReadonlySet<Segment>): { readonly records: number; readonly bytes: number } {
    let records = 0;
    let bytes = 0;
    for (const [key, location] of this.#locations) {
      if (location.segment === undefined || !gone.has(location.segment)) continue;
      this.loseValue(key, location);
      records++;
      bytes += location.bytes;
    }
    const kept = this.segments.filter((segment) => !gone.has(segment));
    this.segments.splice(0, this.segments.length, ...kept);
    return { records, bytes };
  }
}

function release({ segment, bytes }: Location): void {
  if (segment === undefined) return;
  segment.liveEntries--;
  segment.liveBytes -= bytes;
}
