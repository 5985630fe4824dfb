import type { BpfMap, RingBuffer } from '../bpf.ts';
import { BpfError } from '../bpf.ts';
import { FakeHandle, type Faults, misuse } from './fake-bpf-faults.ts';

export interface FakeMapOptions {
  /** As in the kernel's enum, lower case. Default: `hash`. */
  readonly type?: string;
  /** Bytes. Default: 4, and 0 for rings. */
  readonly keySize?: number;
  /** Bytes of one value. Default: 8. */
  readonly valueSize?: number;
  /** Default: 1024. For rings: bytes. */
  readonly maxEntries?: number;
}

/** A map in memory. What the kernel half would write, a test writes with `update` or `produce`. */
export class FakeBpfMap extends FakeHandle implements BpfMap {
  readonly name: string;
  readonly id: number;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly stride: number;
  maxEntries: number;
  readonly isPreallocated = true;
  readonly #faults: Faults;
  readonly #entries = new Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>();
  readonly #records: Uint8Array[] = [];
  #ring: FakeRing | undefined;

  constructor(name: string, id: number, options: FakeMapOptions, environment: { faults: Faults; cpus: number }) {
    super(name, () => this.#ring?.close());
    this.name = name;
    this.id = id;
    this.type = options.type ?? 'hash';
    this.keySize = options.keySize ?? (this.type === 'ringbuf' ? 0 : 4);
    this.valueSize = options.valueSize ?? (this.type === 'ringbuf' ? 0 : 8);
    this.maxEntries = options.maxEntries ?? 1024;
    const perCpu = this.type.includes('percpu');
    this.stride = perCpu ? Math.ceil(this.valueSize / 8) * 8 * environment.cpus : this.valueSize;
    this.#faults = environment.faults;
  }

  /** Entries in the map. */
  get size(): number {
    return this.#isArray ? this.maxEntries : this.#entries.size;
  }

  readInto(keys: Uint8Array, values: Uint8Array): number {
    this.#enter('read');
    const room = Math.min(Math.floor(keys.length / this.keySize), Math.floor(values.length / this.stride));
    let count = 0;
    for (const { key, value } of this.#all()) {
      if (count === room) break;
      keys.set(key, count * this.keySize);
      values.set(value, count * this.stride);
      count++;
    }
    return count;
  }

  lookup(key: Uint8Array, value: Uint8Array): boolean {
    this.#enter('lookup');
    this.#check('lookup', key, value);
    const entry = this.#find(key);
    if (entry === undefined) return false;
    value.set(entry);
    return true;
  }

  update(key: Uint8Array, value: Uint8Array, mode: 'any' | 'create' | 'replace' = 'any'): void {
    this.#enter('update');
    this.#check('update', key, value);
    const known = this.#find(key) !== undefined;
    if (mode === 'create' && known) throw this.#refused('update', 'EEXIST');
    if (mode === 'replace' && !known) throw this.#refused('update', 'ENOENT');
    if (this.#isArray && !known) throw this.#refused('update', 'E2BIG');
    if (!known && this.#entries.size >= this.maxEntries) {
      if (!this.type.startsWith('lru_')) throw this.#refused('update', 'E2BIG');
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    this.#entries.set(hexOf(key), { key: key.slice(), value: value.slice(0, this.stride) });
  }

  delete(key: Uint8Array): boolean {
    this.#enter('delete');
    this.#check('delete', key);
    if (this.#isArray) throw this.#refused('delete', 'EINVAL');
    return this.#entries.delete(hexOf(key));
  }

  pin(path: string): void {
    this.use('pin');
    this.#faults.enter('pin', path);
  }

  ring(): RingBuffer {
    this.#enter('ring');
    if (this.type !== 'ringbuf') throw misuse('ring', this.name, `${this.name} is no ringbuf but a ${this.type}`);
    if (this.#ring !== undefined && !this.#ring.closed)
      throw misuse('ring', this.name, `${this.name} has a consumer already`);
    this.#ring = new FakeRing(this.name, this.#records, this.#faults);
    return this.#ring;
  }

  /** For rings: adds a record as a program would; false when the ring is full. */
  produce(record: Uint8Array): boolean {
    const used = this.#records.reduce((bytes, { length }) => bytes + recordBytes(length), 0);
    if (used + recordBytes(record.length) > this.maxEntries) return false;
    this.#records.push(record.slice());
    this.#ring?.wake();
    return true;
  }

  get #isArray(): boolean {
    return this.type.endsWith('array');
  }

  #find(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(hexOf(key))?.value;
    if (entry !== undefined || !this.#isArray) return entry;
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    return index < this.maxEntries ? new Uint8Array(this.stride) : undefined;
  }

  *#all(): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    if (!this.#isArray) {
      yield* this.#entries.values();
      return;
    }
    for (let index = 0; index < this.maxEntries; index++) {
      const key = new Uint8Array(Uint32Array.of(index).buffer);
      yield { key, value: this.#find(key)! };
    }
  }

  #enter(operation: string): void {
    this.use(operation);
    this.#faults.enter(operation, this.name);
  }

  #check(operation: string, key: Uint8Array, value?: Uint8Array): void {
    if (key.length !== this.keySize)
      throw misuse(operation, this.name, `a key has ${this.keySize} bytes, not ${key.length}`);
    if (value !== undefined && value.length < this.stride) {
      throw misuse(operation, this.name, `an entry has ${this.stride} bytes, not ${value.length}`);
    }
  }

  #refused(operation: string, errno: string): BpfError {
    return new BpfError(`${operation} of ${this.name} failed: ${errno}.`, {
      code: 'system',
      errno,
      operation,
      subject: this.name,
    });
  }
}

const HEADER_BYTES = 8;

class FakeRing extends FakeHandle implements RingBuffer {
  readonly #records: Uint8Array[];
  readonly #faults: Faults;
  #callback: (() => void) | undefined;

  constructor(name: string, records: Uint8Array[], faults: Faults) {
    super(name);
    this.#records = records;
    this.#faults = faults;
  }

  get pending(): number {
    return this.#records.reduce((bytes, { length }) => bytes + recordBytes(length), 0);
  }

  follow(): void {
    this.use('follow');
  }

  drain(buffer: Uint8Array): number {
    this.use('drain');
    this.#faults.enter('drain', this.subject);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    let at = 0;
    for (let record = this.#records[0]; record !== undefined; record = this.#records[0]) {
      const bytes = recordBytes(record.length);
      if (at + bytes > buffer.length) {
        if (at > 0) break;
        throw new BpfError(`A record of ${bytes} bytes does not fit into ${buffer.length}.`, {
          code: 'too_small',
          operation: 'drain',
          subject: this.subject,
        });
      }
      buffer.fill(0, at, at + bytes);
      view.setUint32(at, record.length, true);
      buffer.set(record, at + HEADER_BYTES);
      at += bytes;
      this.#records.shift();
    }
    return at;
  }

  onReadable(callback: (() => void) | undefined): void {
    this.use('on_readable');
    this.#callback = callback;
    if (this.#records.length > 0) this.wake();
  }

  wake(): void {
    queueMicrotask(() => {
      if (!this.closed && this.#records.length > 0) this.#callback?.();
    });
  }
}

function recordBytes(length: number): number {
  return HEADER_BYTES + Math.ceil(length / 8) * 8;
}

function hexOf(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
