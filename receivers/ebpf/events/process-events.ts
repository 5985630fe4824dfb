import { constants } from 'node:os';
import { basename, isAbsolute } from 'node:path';
import type { AttributeValue } from 'bpflow/sdk';
import { ExecBody, ExitBody, OomBody, SignalBody } from '../../../bpf/events.gen.ts';
import { type EventRecord, type Told, untilZero } from './record.ts';

const exec = new ExecBody();
const exit = new ExitBody();
const signal = new SignalBody();
const oom = new OomBody();

export function tellFork({ header }: EventRecord): Told {
  return {
    name: 'process.fork',
    severity: 'DEBUG',
    importance: 0.1,
    what: `was forked by process ${header.parent}`,
    attributes: {},
  };
}

/** `executable`: the name of the file that runs now. */
export function tellExec(record: EventRecord, executable: string): Told {
  const { pathLength, argumentsLength, argumentsTotal, oldTid } = exec.move(record.words, record.body);
  const path = untilZero(record.text(ExecBody.SIZE, pathLength));
  const text = record.text(ExecBody.SIZE + pathLength, argumentsLength);
  const cut = argumentsLength < argumentsTotal;
  // Each argument ends with a zero, but for one that was cut.
  const args = text === '' ? [] : (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
  return {
    name: 'process.exec',
    severity: 'INFO',
    importance: 0.5,
    what: `executed ${path}`,
    attributes: {
      [isAbsolute(path) && basename(path) === executable ? 'process.executable.path' : REQUESTED]: path,
      ...(args.length > 0 && { 'process.command': args[0]!, 'process.command_args': args }),
      ...(cut && { 'ebpf.process.arguments_bytes': argumentsTotal }),
      ...(oldTid !== record.header.tid && { 'ebpf.process.caller_thread.id': oldTid }),
    },
  };
}

export function tellExit(record: EventRecord): Told {
  const { lifetime, runTime, status } = exit.move(record.words, record.body);
  const times = { 'ebpf.process.lifetime_ns': Number(lifetime), 'ebpf.process.run_time_ns': Number(runTime) };
  const killer = status & 0x7f;
  if (killer === 0) {
    const code = (status >> 8) & 0xff;
    return {
      name: 'process.exit',
      severity: code === 0 ? 'DEBUG' : 'INFO',
      importance: code === 0 ? 0.2 : 0.4,
      what: `exited with code ${code}`,
      attributes: { ...times, 'process.exit.code': code },
    };
  }
  const name = signalName(killer);
  const faulted = FAULTS.has(name);
  return {
    name: 'process.exit',
    severity: faulted ? 'ERROR' : 'WARN',
    importance: faulted ? 0.9 : 0.6,
    what: `was ended by ${name}`,
    attributes: {
      ...times,
      'ebpf.process.exit.signal': name,
      ...((status & 0x80) !== 0 && { 'ebpf.process.core_dumped': true }),
    },
  };
}

export function tellSignal(record: EventRecord): Told {
  const { signal: number, code, sender, senderUser, senderCommand } = signal.move(record.words, record.body);
  const name = signalName(number);
  const from: Record<string, AttributeValue> =
    sender === 0
      ? {}
      : {
          'ebpf.signal.sender.pid': sender,
          'ebpf.signal.sender.user.id': senderUser,
          'ebpf.signal.sender.command': senderCommand,
        };
  const faulted = sender === 0 && FAULTS.has(name);
  return {
    name: 'process.signal',
    severity: faulted ? 'WARN' : 'INFO',
    importance: faulted ? 0.7 : name === 'SIGKILL' || name === 'SIGTERM' ? 0.5 : 0.2,
    what: sender === 0 ? `got ${name}` : `got ${name} from process ${sender}`,
    attributes: { 'ebpf.signal.name': name, 'ebpf.signal.code': code, ...from },
  };
}

export function tellOomKill(record: EventRecord, pageSize: number): Told {
  const bytes = Number(oom.move(record.words, record.body).pages) * pageSize;
  return {
    name: 'process.oom_kill',
    severity: 'ERROR',
    importance: 1,
    what: `is killed for want of memory, with ${Math.round(bytes / 2 ** 20)} MiB`,
    attributes: { 'ebpf.memory.resident_bytes': bytes },
  };
}

/** The path as it was given, when it is not absolute, or leads to the file by a link. */
const REQUESTED = 'ebpf.process.requested_path';

/** Signals by which a process ends through its own fault. */
const FAULTS: ReadonlySet<string> = new Set(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP']);

/** SIGABRT before SIGIOT, SIGIO before SIGPOLL, SIGCHLD before SIGCLD: the first name of a number counts. */
const SIGNALS: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

function signalName(number: number): string {
  return SIGNALS.get(number) ?? (number >= 34 ? `SIGRTMIN+${number - 34}` : `signal_${number}`);
}
