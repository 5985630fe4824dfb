import { StackBody, StackFrame } from '../../../bpf/events.gen.ts';
import type { KernelSymbols } from './kernel-symbols.ts';
import type { Modules } from './modules.ts';
import type { EventRecord } from './record.ts';

const BUILD_ID_VALID = 1;
const BUILD_ID_BYTES = 20;

const body = new StackBody();
const frame = new StackFrame();

export interface StackTextOptions {
  readonly symbols: KernelSymbols;
  readonly modules: Modules;
  /** Frames of the kernel, and of the process, at most. */
  readonly depth: number;
}

/** The frames of a record, one a line, from within: those of the kernel, then those of the process. */
export function stackText(record: EventRecord, { symbols, modules, depth }: StackTextOptions): string {
  const { words } = record;
  const { kernelBytes, userBytes } = body.move(words, record.body);
  const kernel: string[] = [];
  let at = record.body + StackBody.WORDS;
  for (const end = at + kernelBytes / 4; at < end; at += 2) {
    kernel.push(symbols.name((BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!)));
  }
  const user: string[] = [];
  for (const end = at + userBytes / 4; at < end; at += StackFrame.WORDS) {
    const { status, place } = frame.move(words, at);
    const buildId = status === BUILD_ID_VALID ? hexAt(record, at + StackFrame.WORD.buildId) : undefined;
    const where = `0x${place.toString(16)}`;
    if (buildId === undefined) user.push(where);
    else user.push(`${modules.path(buildId, record.header.pid) ?? ''}+${where} (build id ${buildId})`);
  }
  const asked = [...withoutTracing(kernel).slice(0, depth), ...user.slice(0, depth)];
  return asked.map((each) => `at ${each}`).join('\n');
}

/** Without what the kernel does to run our program: up to the call of the tracepoint. */
function withoutTracing(frames: readonly string[]): readonly string[] {
  return frames.slice(frames.findLastIndex((each) => TRACING.test(each)) + 1);
}

const TRACING = /^(bpf_|__bpf_|__traceiter_|trace_call_bpf|perf_call_bpf|perf_syscall_|__perf_)/;

function hexAt({ words }: EventRecord, at: number): string {
  return Buffer.from(words.buffer, words.byteOffset + at * 4, BUILD_ID_BYTES).toString('hex');
}
