// Generated from bpf/process.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const GROUP_OTHER = 0;
export const GROUP_EXCLUDED = 0xffffffff;
export const PROCESS_NAME_LENGTH = 64;
export const CGROUP_PATH_LENGTH = 1024;
export const CGROUP_NAME_LENGTH = 256;
export const USER_RANGES = 32;

/** `enum ledger_slot`. */
export const LedgerSlot = {
  LEDGER_EXCLUDED: 0,
  LEDGER_CHILD_RETURN: 1,
  LEDGER_RESTARTED: 2,
  LEDGER_NO_CALL_EXIT: 3,
  LEDGER_NO_STATE: 4,
  LEDGER_GROUPS_FULL: 5,
  LEDGER_SYSCALLS_FULL: 6,
  LEDGER_ERRORS_FULL: 7,
  LEDGER_LATENCIES_FULL: 8,
  LEDGER_WAITS_FULL: 9,
  LEDGER_UNLOCKED_CREDIT: 10,
  LEDGER_FILES_FULL: 11,
  LEDGER_MEMORY_FULL: 12,
  LEDGER_TRAFFIC_FULL: 13,
  LEDGER_NO_SOCKET: 14,
  LEDGER_FLOWS_FULL: 15,
  LEDGER_BLOCK_FULL: 16,
  LEDGER_DNS_FULL: 17,
  LEDGER_DNS_WAITING_FULL: 18,
  LEDGER_NAMES_FULL: 19,
  LEDGER_DNS_CUT: 20,
  LEDGER_DNS_STREAM_LOST: 21,
  LEDGER_HTTP_FULL: 22,
  LEDGER_HTTP_WAITING_FULL: 23,
  LEDGER_HTTP_STREAM_LOST: 24,
  LEDGER_SLOTS: 25,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  group_key: 'ad9cb0e5b06f6e3c',
  group_value: 'b435b812c83a2baf',
  group_totals: 'b3b99e50332d1366',
  node: '61ab706f4115a531',
  cgroup_path: 'fc602ff05dcf3382',
  agent_cgroup: '013ee05b462a5166',
} as const;

/** A moving view on one `struct group_key` in a buffer of 32-bit words. */
export class GroupKey {
  /** Bytes. */
  static readonly SIZE = 96;
  /** 32-bit words. */
  static readonly WORDS = 24;
  /** Position of each member, in words. */
  static readonly WORD = { cgroup: 0, pid: 2, kernelThread: 3, process: 4, command: 20 } as const;
  #words: Uint32Array = new Uint32Array(24);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Inode of the cgroup v2 directory. */
  get cgroup(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Thread group id in the initial pid namespace. */
  get pid(): number {
    return this.#words[this.#at + 2]!;
  }

  get kernelThread(): number {
    return this.#words[this.#at + 3]!;
  }

  /** At most 63 bytes, up to the first zero. */
  get process(): string {
    const start = this.#words.byteOffset + (this.#at + 4) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 64);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 64 : end).toString();
  }

  /** At most 15 bytes, up to the first zero. */
  get command(): string {
    const start = this.#words.byteOffset + (this.#at + 20) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 16);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 16 : end).toString();
  }
}

/** A moving view on one `struct group_value` in a buffer of 32-bit words. */
export class GroupValue {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { id: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Id of a series group; 0 is `other`. */
  get id(): number {
    return this.#words[this.#at]!;
  }
}

/** A moving view on one `struct group_totals` in a buffer of 32-bit words. */
export class GroupTotals {
  /** Bytes. */
  static readonly SIZE = 72;
  /** 32-bit words. */
  static readonly WORDS = 18;
  /** Position of each member, in words. */
  static readonly WORD = { runtime: 0, voluntary: 2, involuntary: 4, read: 6, written: 8, minorFaults: 10, majorFaults: 12, pages: 14, live: 16 } as const;
  #words: Uint32Array = new Uint32Array(18);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get runtime(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get voluntary(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Occurrences. */
  get involuntary(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Bytes. */
  get read(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  /** Bytes. */
  get written(): bigint {
    return (BigInt(this.#words[this.#at + 8 + 1]!) << 32n) | BigInt(this.#words[this.#at + 8]!);
  }

  /** Occurrences. */
  get minorFaults(): bigint {
    return (BigInt(this.#words[this.#at + 10 + 1]!) << 32n) | BigInt(this.#words[this.#at + 10]!);
  }

  /** Occurrences. */
  get majorFaults(): bigint {
    return (BigInt(this.#words[this.#at + 12 + 1]!) << 32n) | BigInt(this.#words[this.#at + 12]!);
  }

  get pages(): bigint {
    return (BigInt(this.#words[this.#at + 14 + 1]!) << 32n) | BigInt(this.#words[this.#at + 14]!);
  }

  get live(): bigint {
    return (BigInt(this.#words[this.#at + 16 + 1]!) << 32n) | BigInt(this.#words[this.#at + 16]!);
  }
}

/** A moving view on one `struct node` in a buffer of 32-bit words. */
export class Node {
  /** Bytes. */
  static readonly SIZE = 40;
  /** 32-bit words. */
  static readonly WORDS = 10;
  /** Position of each member, in words. */
  static readonly WORD = { nextGroup: 0, changes: 2, generation: 4, scope: 6, agent: 8 } as const;
  #words: Uint32Array = new Uint32Array(10);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get nextGroup(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get changes(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  get generation(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Inode of the cgroup v2 directory. */
  get scope(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  /** Thread group id in the initial pid namespace. */
  get agent(): number {
    return this.#words[this.#at + 8]!;
  }
}

/** A moving view on one `struct cgroup_path` in a buffer of 32-bit words. */
export class CgroupPath {
  /** Bytes. */
  static readonly SIZE = 1024;
  /** 32-bit words. */
  static readonly WORDS = 256;
  /** Position of each member, in words. */
  static readonly WORD = { path: 0 } as const;
  #words: Uint32Array = new Uint32Array(256);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** At most 1023 bytes, up to the first zero. */
  get path(): string {
    const start = this.#words.byteOffset + (this.#at) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 1024);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 1024 : end).toString();
  }
}

/** A moving view on one `struct agent_cgroup` in a buffer of 32-bit words. */
export class AgentCgroup {
  /** Bytes. */
  static readonly SIZE = 264;
  /** 32-bit words. */
  static readonly WORDS = 66;
  /** Position of each member, in words. */
  static readonly WORD = { id: 0, name: 2 } as const;
  #words: Uint32Array = new Uint32Array(66);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Inode of the cgroup v2 directory. */
  get id(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** At most 255 bytes, up to the first zero. */
  get name(): string {
    const start = this.#words.byteOffset + (this.#at + 2) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 256);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 256 : end).toString();
  }
}
