// Generated from bpf/events.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const EVENT_PATH_LENGTH = 256;
export const EVENT_ARGUMENTS_LENGTH = 1024;
export const EVENT_CGROUP_PATH_LENGTH = 512;
export const EVENT_BASE_LENGTH = 1024;
export const EVENT_PREFIX_LENGTH = 64;
export const EVENT_STACK_DEPTH = 64;
export const EVENT_REFUSED_GROUPS = 4096;

/** `enum event_kind`. */
export const EventKind = {
  EVENT_FORK: 0,
  EVENT_EXEC: 1,
  EVENT_EXIT: 2,
  EVENT_SIGNAL: 3,
  EVENT_OOM_KILL: 4,
  EVENT_CGROUP_MAKE: 5,
  EVENT_CGROUP_ENTER: 6,
  EVENT_CGROUP_REMOVE: 7,
  EVENT_TCP_CONNECT: 8,
  EVENT_TCP_ACCEPT: 9,
  EVENT_TCP_CLOSE: 10,
  EVENT_FILE_OPEN: 11,
  EVENT_FILE_RENAME: 12,
  EVENT_FILE_UNLINK: 13,
  EVENT_FILE_CHMOD: 14,
  EVENT_DNS_QUERY: 15,
  EVENT_DNS_RESPONSE: 16,
  EVENT_NAMESPACE: 17,
  EVENT_PRIVILEGE: 18,
  EVENT_MEMORY: 19,
  EVENT_CGROUP_MOVE: 20,
  EVENT_STACK: 21,
  EVENT_KINDS: 22,
} as const;

/** `enum tcp_direction`. */
export const TcpDirection = {
  TCP_UNKNOWN: 0,
  TCP_OUTBOUND: 1,
  TCP_INBOUND: 2,
} as const;

/** `enum namespace_type`. */
export const NamespaceType = {
  NAMESPACE_CGROUP: 0,
  NAMESPACE_IPC: 1,
  NAMESPACE_MOUNT: 2,
  NAMESPACE_NETWORK: 3,
  NAMESPACE_PID: 4,
  NAMESPACE_TIME: 5,
  NAMESPACE_USER: 6,
  NAMESPACE_UTS: 7,
  NAMESPACES: 8,
} as const;

/** `enum namespace_step`. */
export const NamespaceStep = {
  NAMESPACE_CLONE: 0,
  NAMESPACE_SETNS: 1,
  NAMESPACE_UNSHARE: 2,
  NAMESPACE_STEPS: 3,
} as const;

/** `enum credential_id`. */
export const CredentialId = {
  USER_REAL: 0,
  USER_EFFECTIVE: 1,
  USER_SAVED: 2,
  USER_FILE: 3,
  GROUP_REAL: 4,
  GROUP_EFFECTIVE: 5,
  GROUP_SAVED: 6,
  GROUP_FILE: 7,
  CREDENTIAL_IDS: 8,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  event_header: 'a388847b11d6bdc6',
  exec_body: '593517714acd269b',
  exit_body: 'd442ac174bd354cd',
  signal_body: '6c33ac2c80e81430',
  oom_body: 'a41eb022c26b409a',
  cgroup_body: '009ffe2a9a0910cb',
  move_body: '72d9b0c02340fc69',
  tcp_body: 'f552de851244c0fb',
  file_body: 'bfdfb64dbfec12c3',
  namespace_body: 'af99330de70b2185',
  privilege_body: 'eeb301d62b895d28',
  memory_body: '4d71e2e49b500672',
  stack_body: '7ed539041b3f26d0',
  stack_frame: 'd80a9683f8fb66a2',
  path_prefix: '36689cc7a7b710f5',
  event_count: 'a9b3331899cd24ed',
} as const;

/** A moving view on one `struct event_header` in a buffer of 32-bit words. */
export class EventHeader {
  /** Bytes. */
  static readonly SIZE = 64;
  /** 32-bit words. */
  static readonly WORDS = 16;
  /** Position of each member, in words. */
  static readonly WORD = { time: 0, cgroup: 2, group: 4, kind: 5, pid: 6, tid: 7, parent: 8, user: 9, userGroup: 10, cpu: 11, command: 12 } as const;
  #words: Uint32Array = new Uint32Array(16);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get time(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Inode of the cgroup v2 directory. */
  get cgroup(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Id of a series group; 0 is `other`. */
  get group(): number {
    return this.#words[this.#at + 4]!;
  }

  get kind(): number {
    return this.#words[this.#at + 5]!;
  }

  /** Thread group id in the initial pid namespace. */
  get pid(): number {
    return this.#words[this.#at + 6]!;
  }

  get tid(): number {
    return this.#words[this.#at + 7]!;
  }

  /** Thread group id in the initial pid namespace. */
  get parent(): number {
    return this.#words[this.#at + 8]!;
  }

  get user(): number {
    return this.#words[this.#at + 9]!;
  }

  get userGroup(): number {
    return this.#words[this.#at + 10]!;
  }

  get cpu(): number {
    return this.#words[this.#at + 11]!;
  }

  /** At most 15 bytes, up to the first zero. */
  get command(): string {
    const start = this.#words.byteOffset + (this.#at + 12) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 16);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 16 : end).toString();
  }
}

/** A moving view on one `struct exec_body` in a buffer of 32-bit words. */
export class ExecBody {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { pathLength: 0, argumentsLength: 1, argumentsTotal: 2, oldTid: 3 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get pathLength(): number {
    return this.#words[this.#at]!;
  }

  get argumentsLength(): number {
    return this.#words[this.#at + 1]!;
  }

  get argumentsTotal(): number {
    return this.#words[this.#at + 2]!;
  }

  get oldTid(): number {
    return this.#words[this.#at + 3]!;
  }
}

/** A moving view on one `struct exit_body` in a buffer of 32-bit words. */
export class ExitBody {
  /** Bytes. */
  static readonly SIZE = 24;
  /** 32-bit words. */
  static readonly WORDS = 6;
  /** Position of each member, in words. */
  static readonly WORD = { lifetime: 0, runTime: 2, status: 4 } as const;
  #words: Uint32Array = new Uint32Array(6);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get lifetime(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Nanoseconds. */
  get runTime(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  get status(): number {
    return this.#words[this.#at + 4]!;
  }
}

/** A moving view on one `struct signal_body` in a buffer of 32-bit words. */
export class SignalBody {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { signal: 0, code: 1, sender: 2, senderUser: 3, senderCommand: 4 } as const;
  #words: Uint32Array = new Uint32Array(8);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get signal(): number {
    return this.#words[this.#at]!;
  }

  get code(): number {
    return this.#words[this.#at + 1]! | 0;
  }

  /** Thread group id in the initial pid namespace. */
  get sender(): number {
    return this.#words[this.#at + 2]!;
  }

  get senderUser(): number {
    return this.#words[this.#at + 3]!;
  }

  /** At most 15 bytes, up to the first zero. */
  get senderCommand(): string {
    const start = this.#words.byteOffset + (this.#at + 4) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 16);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 16 : end).toString();
  }
}

/** A moving view on one `struct oom_body` in a buffer of 32-bit words. */
export class OomBody {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { pages: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get pages(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }
}

/** A moving view on one `struct cgroup_body` in a buffer of 32-bit words. */
export class CgroupBody {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { cgroup: 0, pathLength: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
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

  get pathLength(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct move_body` in a buffer of 32-bit words. */
export class MoveBody {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { cgroup: 0, pathLength: 2, mover: 3, moverCommand: 4 } as const;
  #words: Uint32Array = new Uint32Array(8);
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

  get pathLength(): number {
    return this.#words[this.#at + 2]!;
  }

  /** Thread group id in the initial pid namespace. */
  get mover(): number {
    return this.#words[this.#at + 3]!;
  }

  /** At most 15 bytes, up to the first zero. */
  get moverCommand(): string {
    const start = this.#words.byteOffset + (this.#at + 4) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 16);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 16 : end).toString();
  }
}

/** A moving view on one `struct tcp_body` in a buffer of 32-bit words. */
export class TcpBody {
  /** Bytes. */
  static readonly SIZE = 88;
  /** 32-bit words. */
  static readonly WORDS = 22;
  /** Position of each member, in words. */
  static readonly WORD = { duration: 0, sent: 2, received: 4, rtt: 6, retransmits: 8, error: 9, isIpv6: 10, direction: 11, localPort: 12, peerPort: 13, localAddress: 14, peerAddress: 18 } as const;
  #words: Uint32Array = new Uint32Array(22);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get duration(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Bytes. */
  get sent(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Bytes. */
  get received(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Nanoseconds. */
  get rtt(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  get retransmits(): number {
    return this.#words[this.#at + 8]!;
  }

  /** Positive error number. */
  get error(): number {
    return this.#words[this.#at + 9]! | 0;
  }

  get isIpv6(): number {
    return this.#words[this.#at + 10]!;
  }

  get direction(): number {
    return this.#words[this.#at + 11]!;
  }

  get localPort(): number {
    return this.#words[this.#at + 12]!;
  }

  get peerPort(): number {
    return this.#words[this.#at + 13]!;
  }

  /** 4 values */
  static readonly LOCALADDRESS_LENGTH = 4;

  /** 4 values */
  static readonly PEERADDRESS_LENGTH = 4;
}

/** A moving view on one `struct file_body` in a buffer of 32-bit words. */
export class FileBody {
  /** Bytes. */
  static readonly SIZE = 24;
  /** 32-bit words. */
  static readonly WORDS = 6;
  /** Position of each member, in words. */
  static readonly WORD = { detail: 0, baseLength: 1, pathLength: 2, targetBaseLength: 3, targetPathLength: 4 } as const;
  #words: Uint32Array = new Uint32Array(6);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get detail(): number {
    return this.#words[this.#at]!;
  }

  get baseLength(): number {
    return this.#words[this.#at + 1]!;
  }

  get pathLength(): number {
    return this.#words[this.#at + 2]!;
  }

  get targetBaseLength(): number {
    return this.#words[this.#at + 3]!;
  }

  get targetPathLength(): number {
    return this.#words[this.#at + 4]!;
  }
}

/** A moving view on one `struct namespace_body` in a buffer of 32-bit words. */
export class NamespaceBody {
  /** Bytes. */
  static readonly SIZE = 72;
  /** 32-bit words. */
  static readonly WORDS = 18;
  /** Position of each member, in words. */
  static readonly WORD = { before: 0, after: 8, step: 16 } as const;
  #words: Uint32Array = new Uint32Array(18);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** 8 values */
  static readonly BEFORE_LENGTH = 8;

  /** 8 values */
  static readonly AFTER_LENGTH = 8;

  get step(): number {
    return this.#words[this.#at + 16]!;
  }
}

/** A moving view on one `struct privilege_body` in a buffer of 32-bit words. */
export class PrivilegeBody {
  /** Bytes. */
  static readonly SIZE = 104;
  /** 32-bit words. */
  static readonly WORDS = 26;
  /** Position of each member, in words. */
  static readonly WORD = { idsBefore: 0, idsAfter: 8, permittedBefore: 16, permittedAfter: 18, effectiveBefore: 20, effectiveAfter: 22, syscall: 24 } as const;
  #words: Uint32Array = new Uint32Array(26);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** 8 values */
  static readonly IDSBEFORE_LENGTH = 8;

  /** 8 values */
  static readonly IDSAFTER_LENGTH = 8;

  get permittedBefore(): bigint {
    return (BigInt(this.#words[this.#at + 16 + 1]!) << 32n) | BigInt(this.#words[this.#at + 16]!);
  }

  get permittedAfter(): bigint {
    return (BigInt(this.#words[this.#at + 18 + 1]!) << 32n) | BigInt(this.#words[this.#at + 18]!);
  }

  get effectiveBefore(): bigint {
    return (BigInt(this.#words[this.#at + 20 + 1]!) << 32n) | BigInt(this.#words[this.#at + 20]!);
  }

  get effectiveAfter(): bigint {
    return (BigInt(this.#words[this.#at + 22 + 1]!) << 32n) | BigInt(this.#words[this.#at + 22]!);
  }

  /** System call number, its ABI in the two highest bits. */
  get syscall(): number {
    return this.#words[this.#at + 24]!;
  }
}

/** A moving view on one `struct memory_body` in a buffer of 32-bit words. */
export class MemoryBody {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { pages: 0, threshold: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get pages(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get threshold(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }
}

/** A moving view on one `struct stack_body` in a buffer of 32-bit words. */
export class StackBody {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { of: 0, kernelBytes: 1, userBytes: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get of(): number {
    return this.#words[this.#at]!;
  }

  get kernelBytes(): number {
    return this.#words[this.#at + 1]!;
  }

  get userBytes(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct stack_frame` in a buffer of 32-bit words. */
export class StackFrame {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { status: 0, buildId: 1, place: 6 } as const;
  #words: Uint32Array = new Uint32Array(8);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get status(): number {
    return this.#words[this.#at]! | 0;
  }

  /** 5 values */
  static readonly BUILDID_LENGTH = 5;

  get place(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }
}

/** A moving view on one `struct path_prefix` in a buffer of 32-bit words. */
export class PathPrefix {
  /** Bytes. */
  static readonly SIZE = 68;
  /** 32-bit words. */
  static readonly WORDS = 17;
  /** Position of each member, in words. */
  static readonly WORD = { bits: 0, text: 1 } as const;
  #words: Uint32Array = new Uint32Array(17);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get bits(): number {
    return this.#words[this.#at]!;
  }

  /** At most 63 bytes, up to the first zero. */
  get text(): string {
    const start = this.#words.byteOffset + (this.#at + 1) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 64);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 64 : end).toString();
  }
}

/** A moving view on one `struct event_count` in a buffer of 32-bit words. */
export class EventCount {
  /** Bytes. */
  static readonly SIZE = 48;
  /** 32-bit words. */
  static readonly WORDS = 12;
  /** Position of each member, in words. */
  static readonly WORD = { offered: 0, excluded: 2, sampledOut: 4, limited: 6, full: 8, unserved: 10 } as const;
  #words: Uint32Array = new Uint32Array(12);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get offered(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get excluded(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Occurrences. */
  get sampledOut(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Occurrences. */
  get limited(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  /** Occurrences. */
  get full(): bigint {
    return (BigInt(this.#words[this.#at + 8 + 1]!) << 32n) | BigInt(this.#words[this.#at + 8]!);
  }

  /** Occurrences. */
  get unserved(): bigint {
    return (BigInt(this.#words[this.#at + 10 + 1]!) << 32n) | BigInt(this.#words[this.#at + 10]!);
  }
}
