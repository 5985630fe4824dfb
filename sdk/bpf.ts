import type { Token } from './tokens.ts';
import { token } from './tokens.ts';

/**
 * The kernel as components see it: CO-RE objects, their programs, maps and links. Implemented by `native/` on libbpf;
 * a fake of the same shape is in `bpflow/testing`.
 *
 * Memory: JavaScript owns every buffer. Every handle may be closed twice; using a closed handle throws
 * {@link BpfError} with the code `closed`; names, ids and sizes stay readable. All calls are synchronous; none is made per
 * event. Closing an object closes its programs, maps, links and rings; a handle that is not closed stays open until its
 * environment (the main thread or a worker) ends, and is never closed by a garbage collection.
 */
export interface Bpf {
  /** CPUs whose slot a per-CPU value has: the kernel's *possible* CPUs. */
  readonly possibleCpus: number;
  /** Parses an object file. Throws when it is truncated, foreign, or has no BTF. Loads nothing. */
  open(path: string, options?: OpenOptions): BpfObject;
  /** Switches run statistics on for the whole kernel (they double the cost of a small program) until the handle is closed. Needs CAP_SYS_ADMIN. */
  enableStats(): Closeable;
  /** Drops every capability not named from all threads of the process, for good. Names as in capabilities(7), lower case: `cap_bpf`. */
  dropCapabilities(keep: readonly string[]): void;
  /** Effective capabilities of the process by name; empty without any. */
  capabilities(): readonly string[];
  /** Takes an advisory lock on an open file or folder until it is closed, or the process ends. False while somebody else has it. */
  tryLock(fd: number): boolean;
}

export interface OpenOptions {
  /** Kernel BTF to relocate against; the running kernel's own by default. */
  readonly btfPath?: string;
}

export interface Closeable {
  close(): void;
  [Symbol.dispose](): void;
}

export interface BpfObject extends Closeable {
  /** Names of all programs in the object, loaded or not, in file order. */
  readonly programNames: readonly string[];
  /** Names of all maps in the object, internal ones (`.rodata`, `.bss`, `.data`) left out. */
  readonly mapNames: readonly string[];
  /**
   * Size and members of a C struct of the object, from its BTF. Members of anonymous structs and unions appear as members of
   * the outer one. Throws when there is none of this name, and for bit fields.
   */
  layout(struct: string): StructLayout;
  /** What a key and a value of the map are, from the object's BTF. A number alone is one member without a name. */
  mapLayout(map: string): MapLayout;

  /** The section of a program, which says where it attaches: `tp_btf/sys_exit`. */
  section(program: string): string;

  /** Before {@link load} only: whether the program is loaded at all. Default: yes. */
  setAutoload(program: string, on: boolean): void;
  /** Before {@link load} only: whether the map is created. Programs may only mention it in dead code then. */
  setAutocreate(map: string, on: boolean): void;
  /** Before {@link load} only. */
  setMaxEntries(map: string, entries: number): void;
  /** Before {@link load} only: use a map that exists already, for example of another object, instead of creating one. */
  reuseMap(name: string, map: BpfMap): void;
  /**
   * Sets a global variable by its C name, in `.rodata` (before {@link load} only), `.bss` or `.data`.
   * Takes the bytes as they lie in memory, or a number/bigint/boolean for a scalar.
   */
  setGlobal(name: string, value: number | bigint | boolean | Uint8Array): void;
  /** Copies a global variable of `.bss`, `.data` or `.rodata`. */
  getGlobal(name: string): Uint8Array;
  /**
   * Creates the maps and loads the programs that are not switched off. All or nothing: on failure nothing stays in the
   * kernel, the object is closed, and the error names the `program` (or `map`) that failed, where libbpf tells.
   */
  load(): void;
  program(name: string): BpfProgram;
  map(name: string): BpfMap;
}

export interface StructLayout {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly StructMember[];
}

/** Undefined where the object does not tell the type, only its size. */
export interface MapLayout {
  readonly key: StructLayout | undefined;
  readonly value: StructLayout | undefined;
}

export interface StructMember {
  readonly name: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes of the whole member. */
  readonly size: number;
  /** Name of the outermost typedef (`ns_t`), else of the base type (`unsigned int`, `struct hist`). For arrays: of the element. */
  readonly type: string;
  /** What is left after resolving typedefs and modifiers. */
  readonly kind: 'int' | 'uint' | 'char' | 'bool' | 'struct' | 'union' | 'enum' | 'pointer';
  /** Elements, for arrays; several dimensions are multiplied. */
  readonly length?: number;
}

/** A short text that is equal for equal layouts: size and, for each member, name, place and kind. Reserved members do not count. */
export function layoutHash(layout: StructLayout): string {
  const text = layout.members
    .filter(({ name }) => name !== 'reserved')
    .map(({ name, offset, size, kind, length }) => `${name}@${offset}:${size}${kind}${length ?? ''}`)
    .join(',');
  let hash = 0xcbf29ce484222325n;
  for (const character of `${layout.size};${text}`) {
    hash = ((hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}

export interface BpfProgram {
  readonly name: string;
  /** The kernel's id of the loaded program. */
  readonly id: number;
  /** Attaches as its section says. Throws {@link BpfError}. */
  attach(options?: AttachOptions): BpfLink;
  info(): ProgramInfo;
  /** Runs the program once in the calling thread (raw tracepoint and syscall programs) and returns its result. */
  testRun(context?: Uint8Array): number;
  /** Gives it a name in a BPF file system, by which others find it until the name is removed as a file is. Throws {@link BpfError}. */
  pin(path: string): void;
}

export interface AttachOptions {
  /** For `iter/bpf_map_elem` and `iter/bpf_sk_storage_map`: the map to walk. */
  readonly map?: BpfMap;
  /** For `cgroup_skb/ingress` and the like: path of the cgroup (v2) whose sockets the program sees, and those of all below. */
  readonly cgroup?: string;
  /** For `xdp` and `tcx/…`: name of the network interface. For `socket`, which sees all without it. */
  readonly interface?: string;
  /** For `uprobe` and `uretprobe`: a function of a program or library, instead of the one that the section may name. */
  readonly uprobe?: { readonly binary: string; readonly symbol: string };
}

export interface ProgramInfo {
  readonly id: number;
  /** Runs and run time in ns since loading; 0 while run statistics are off. */
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  /** Runs that the kernel skipped because the program was already running on that CPU. Counted always. */
  readonly recursionMisses: bigint;
  /** Bytes of machine code; 0 when not jitted. */
  readonly jitedBytes: number;
  /** Bytes of locked memory charged to the program. */
  readonly memoryBytes: number;
}

/** Keeps a program attached. Closing detaches it. */
export interface BpfLink extends Closeable {
  /** The kernel's id of the link; 0 where the attachment is no link. */
  readonly id: number;
  /**
   * For iterators: runs one whole pass and reads what the program wrote.
   * Returns the bytes read into `buffer`; throws `too_small` with nothing lost but the pass when they do not fit.
   */
  iterate(buffer?: Uint8Array): number;
}

export interface BpfMap extends Closeable {
  readonly name: string;
  readonly id: number;
  /** As in the kernel's enum, lower case: `percpu_hash`. */
  readonly type: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value (of one CPU's, for per-CPU maps). */
  readonly valueSize: number;
  /** Bytes of one entry in the buffers of {@link readInto}: the value, or all CPUs' values, each rounded up to 8 bytes. */
  readonly stride: number;
  readonly maxEntries: number;
  /** All memory was taken as it was made; else an entry takes its own (BPF_F_NO_PREALLOC). */
  readonly isPreallocated: boolean;
  /**
   * Copies entries into the two buffers until the map or a buffer ends; entry i lies at `i × keySize` and `i × stride`.
   * Batched where the kernel can; one by one where it cannot, or where `batch` is false. The buffers must hold
   * `maxEntries` for a complete pass. Returns the number of entries. Entries that are added or deleted meanwhile may be missed;
   * none appears twice.
   */
  readInto(keys: Uint8Array, values: Uint8Array, options?: ReadOptions): number;
  /** Copies one entry (`stride` bytes) into `value`; false when there is none. */
  lookup(key: Uint8Array, value: Uint8Array): boolean;
  /** Writes one entry (`stride` bytes). `create`: only if absent; `replace`: only if present. Throws on failure. */
  update(key: Uint8Array, value: Uint8Array, mode?: 'any' | 'create' | 'replace'): void;
  /** False when there was none. */
  delete(key: Uint8Array): boolean;
  /** As {@link BpfProgram.pin}. */
  pin(path: string): void;
  /** Maps of type `ringbuf` and `perf_event_array` only: a consumer. One per map. */
  ring(options?: RingOptions): RingBuffer;
}

export interface ReadOptions {
  /** Many entries by one call, where the kernel can; the default. */
  readonly batch?: boolean;
  /**
   * The thread is not preempted by ordinary ones meanwhile, as far as its rights allow (CAP_SYS_NICE). While a thread reads a map no
   * program of a trace event runs on its CPU, for whomever that CPU works.
   */
  readonly unpreempted?: boolean;
}

export interface RingOptions {
  /** For a `perf_event_array`, which needs it: bytes of the buffer of each CPU; a power of two, and whole pages. */
  readonly bytesPerCpu?: number;
}

/**
 * The consumer of a ring; or of a `perf_event_array`, which is a buffer for each CPU that was online when it was opened. A drain
 * of the latter puts the records of all CPUs into the order of time, and no record comes in an earlier drain than one that was
 * finished before it began.
 */
export interface RingBuffer extends Closeable {
  /**
   * Copies whole records, each preceded by its length as u32 and padded to 8 bytes (header 8 bytes: length, 0), until the
   * ring is empty or the buffer full. Returns the bytes written; 0 when the ring is empty. Throws `too_small` when not even one fits.
   * The kernel lengthens records of a `perf_event_array` to 4 bytes more than a multiple of 8: what is behind the own data there is
   * undefined.
   */
  drain(buffer: Uint8Array): number;
  /** Bytes waiting to be read. */
  readonly pending: number;
  /**
   * Calls back on the event loop while there are records: when the kernel has woken the consumer, and in the next turn while
   * some are left. One callback; undefined removes it. The process stays alive while there is one.
   *
   * Where the object has a global `__u32 <map>_sleeping`, it is 1 while the consumer waits for a wake-up, 2 while it looks by itself
   * in at most 1 ms and needs one only when much comes before, and 0 otherwise. A producer reads it between reserve and submit, and
   * sets it to 0 when it wakes the consumer.
   */
  onReadable(callback: (() => void) | undefined): void;
  /**
   * Of a `perf_event_array`: opens buffers for the CPUs that are online now; records of those before are not lost. Programs are
   * refused with another error than ENOSPC on a CPU that came online since. Does nothing for a ring.
   */
  follow(): void;
}

export type BpfErrorCode =
  /** The addon is missing or this is not Linux. */
  | 'unsupported'
  /** The handle was closed. */
  | 'closed'
  /** The caller broke a rule of this interface (unknown name, wrong size, wrong moment). */
  | 'misuse'
  /** The object file cannot be read or parsed. */
  | 'bad_object'
  /** The kernel refused a map. */
  | 'map'
  /** The verifier or the kernel refused a program. */
  | 'load'
  | 'attach'
  /** A buffer of the caller is too small. */
  | 'too_small'
  /** Any other failed system call. */
  | 'system';

export interface BpfErrorFields {
  readonly code: BpfErrorCode;
  /** Name of the failed call's error (`EPERM`), where there is one. */
  readonly errno?: string | undefined;
  /** What was being done: `load`, `attach`, `map_create`, … */
  readonly operation: string;
  /** The program or map concerned. */
  readonly subject?: string | undefined;
  /** The verifier's last lines (at most 64 KiB), for `load`. */
  readonly verifierLog?: string | undefined;
}

/** Every failure of the kernel half and of the addon. */
export class BpfError extends Error implements BpfErrorFields {
  override readonly name = 'BpfError';
  readonly code: BpfErrorCode;
  readonly errno: string | undefined;
  readonly operation: string;
  readonly subject: string | undefined;
  readonly verifierLog: string | undefined;

  constructor(message: string, fields: BpfErrorFields, options?: ErrorOptions) {
    super(message, options);
    this.code = fields.code;
    this.errno = fields.errno;
    this.operation = fields.operation;
    this.subject = fields.subject;
    this.verifierLog = fields.verifierLog;
  }
}

/** The kernel. Resolving it never fails; opening objects throws `unsupported` where there is no kernel half. */
export const BPF: Token<Bpf> = token('bpf');
