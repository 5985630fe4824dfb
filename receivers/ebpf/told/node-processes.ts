import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CgroupMount, CgroupPaths, cgroupIn, cgroupTree, identifyCgroup } from 'bpflow/containers';
import type { Clock, Processes, ProcessFacts } from 'bpflow/sdk';

/** An unknown cgroup costs a scan of the tree, at most so often. */
const SCAN_MS = 1000;
/** Of `starttime`, which the kernel tells in ticks of 1/100 s on every machine that Node runs on. */
const TICK_NS = 10_000_000n;
const KERNEL_THREAD = 0x0020_0000;

export interface NodeProcessesOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** What the kernel told of cgroups as they were made. */
  readonly made: (id: bigint) => string | undefined;
  /** Whether the numbers in /proc are those of the node: not in a pod without hostPID. */
  readonly seesNode: boolean;
}

/** The node's processes and cgroups, for who asks for the token PROCESSES. Reads when it is asked, and nothing else. */
export class NodeProcesses implements Processes {
  readonly #options: NodeProcessesOptions;
  readonly #mount: CgroupMount | undefined;
  readonly #cgroups: CgroupPaths;
  #scannedMs = Number.NEGATIVE_INFINITY;

  constructor(options: NodeProcessesOptions) {
    this.#options = options;
    this.#mount = cgroupTree();
    this.#cgroups = new CgroupPaths({ mount: this.#mount, made: options.made });
  }

  process(pid: number): ProcessFacts | undefined {
    if (!this.#options.seesNode) return undefined;
    try {
      const { command, fields } = readStat(pid);
      const [, parent, , , , , flags] = fields;
      const executable = (Number(flags) & KERNEL_THREAD) !== 0 ? 'kernel' : executableOf(pid);
      return {
        pid,
        executable,
        command,
        cgroupId: this.#cgroupOf(pid),
        parentPid: Number(parent),
        startTime: BigInt(fields[START_TIME]!) * TICK_NS,
      };
    } catch {
      return undefined;
    }
  }

  cgroupPath(cgroupId: bigint): string | undefined {
    const now = this.#options.clock.monotonic();
    if (now - this.#scannedMs >= SCAN_MS) {
      this.#scannedMs = now;
      this.#cgroups.allowScan();
    }
    return this.#cgroups.path(cgroupId);
  }

  containerId(cgroupId: bigint): string | undefined {
    const path = this.cgroupPath(cgroupId);
    return path === undefined ? undefined : identifyCgroup(path).containerId;
  }

  #cgroupOf(pid: number): bigint {
    if (this.#mount === undefined) return 0n;
    const cgroup = cgroupIn(this.#mount, readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
    return cgroup === undefined ? 0n : statSync(join(this.#mount.path, cgroup), { bigint: true }).ino;
  }
}

/** Of the fields behind the command: state, parent, …; the file begins with two more. */
const START_TIME = 22 - 3;

/** The command stands in parentheses and may contain some itself. */
function readStat(pid: number): { readonly command: string; readonly fields: readonly string[] } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const end = text.lastIndexOf(')');
  return {
    command: text.slice(text.indexOf('(') + 1, end),
    fields: text
      .slice(end + 2)
      .trim()
      .split(' '),
  };
}

function executableOf(pid: number): string {
  return basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
}
