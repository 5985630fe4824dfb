import { readFileSync } from 'node:fs';
import type { Allowed, ProgramStatus, Role } from './ladder.ts';

/** Where the running kernel tells its types. */
const TYPES = '/sys/kernel/btf/vmlinux';
/** What stands before the name of a tracepoint there; libbpf looks for the same. */
const PREFIX = 'btf_trace_';
/** Events of single system calls are none of the tracepoints that have a type. */
const HOOK = /^(?:tp_btf|raw_tp|tracepoint\/(?!syscalls\/)[^/]+)\/(\w+)$/;

/**
 * What the running kernel has not got, by the names in its types: to try it would load all that is there once more, seconds on
 * an old kernel. Where the kernel tells no types nothing is known to be absent.
 */
export class Absent {
  readonly #types: Buffer;
  readonly #tracepoints = new Set<string>();

  constructor(path: string = TYPES) {
    this.#types = typesOf(path);
    for (let at = this.#types.indexOf(PREFIX); at >= 0; ) {
      const end = this.#types.indexOf(0, at);
      this.#tracepoints.add(this.#types.toString('latin1', at + PREFIX.length, end));
      at = this.#types.indexOf(PREFIX, end);
    }
  }

  /**
   * Programs whose tracepoint is absent, each with what there is to say about it. `sections`: where each attaches,
   * `tp_btf/sys_exit`.
   */
  programs(sections: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const absent = new Map<string, string>();
    if (this.#tracepoints.size === 0) return absent;
    for (const [program, section] of sections) {
      const name = HOOK.exec(section)?.[1];
      if (name !== undefined && !this.#tracepoints.has(name)) {
        absent.set(program, `the kernel has no tracepoint ${name}`);
      }
    }
    return absent;
  }

  /** Without what is absent. */
  without<Asked extends Pick<Allowed, 'taskStorage' | 'socketStorage'>>(allowed: Asked): Asked {
    return {
      ...allowed,
      // 5.11, 4cf1bc1f1045 "bpf: Implement task local storage".
      taskStorage: allowed.taskStorage && !this.#lacks('BPF_MAP_TYPE_TASK_STORAGE'),
      // 5.11, 8e4597c627fb "bpf: Allow using bpf_sk_storage in FENTRY/FEXIT/RAW_TP".
      socketStorage: allowed.socketStorage && !this.#lacks('bpf_sk_storage_get_tracing'),
    };
  }

  #lacks(name: string): boolean {
    return this.#tracepoints.size > 0 && !this.#types.includes(`\0${name}\0`);
  }
}

/** The status, with programs that would have been tried, had the kernel their tracepoint, among those that failed. */
export function withAbsent(
  status: readonly ProgramStatus[],
  roles: readonly Role[],
  absent: ReadonlyMap<string, string>,
  { tpBtf, rawTp, traceEvents }: Allowed,
): readonly ProgramStatus[] {
  const rungs = [traceEvents && '_tp', tpBtf && '_btf', rawTp && '_raw'].filter((rung) => rung !== false);
  const attached = new Set(status.filter(({ state }) => state === 'attached').map(({ program }) => program));
  const failed: ProgramStatus[] = [];
  const gone = new Set<string>();
  for (const { name } of roles) {
    for (const program of rungs.map((rung) => name + rung)) {
      if (attached.has(program)) break;
      const reason = absent.get(program);
      if (reason === undefined) continue;
      failed.push({ program, state: 'failed', reason });
      gone.add(name);
    }
  }
  return [...status.filter(({ program, state }) => state !== 'off' || !gone.has(program)), ...failed];
}

function typesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
