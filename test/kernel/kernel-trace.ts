import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const INSTANCES = '/sys/kernel/tracing/instances';

/** The kernel's own trace of one process: an instance of ftrace, without BPF. Removed at the end. */
export class KernelTrace implements Disposable {
  readonly #folder: string;

  /** Begins to trace events, as `kmem/kmalloc`, while this process is the current one. */
  constructor(pid: number, events: readonly string[]) {
    this.#folder = join(INSTANCES, `bpflow-${pid}`);
    mkdirSync(this.#folder);
    this.#write('buffer_size_kb', 32 * 1024);
    this.#write('set_event_pid', pid);
    for (const event of events) this.#write(`events/${event}/enable`, 1);
  }

  /** Ends the trace. Returns its lines; fails when the kernel had no room for some. */
  lines(): readonly string[] {
    this.#write('tracing_on', 0);
    const text = readFileSync(join(this.#folder, 'trace'), 'utf8');
    const [, kept, written] = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(text) ?? [];
    if (kept !== written) throw new Error(`The trace has ${kept} of ${written} lines.`);
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#folder);
  }

  #write(file: string, value: number): void {
    writeFileSync(join(this.#folder, file), String(value));
  }
}
