import { type Bpf, BpfError } from 'bpflow/sdk';
import type { Failure, Ladder } from './ladder.ts';
import { LoadedKernel } from './loaded-kernel.ts';
import type { KernelOptions } from './options.ts';

/** Loads and attaches by the strongest plan that the kernel takes; the ladder knows it then. Throws a BpfError when there is none. */
export function loadByLadder(bpf: Bpf, asked: KernelOptions, ladder: Ladder): LoadedKernel {
  let options = asked;
  for (;;) {
    try {
      return new LoadedKernel(bpf, options, ladder.plan);
    } catch (error) {
      if (!(error instanceof BpfError) || error.subject === undefined) throw error;
      if (error.code === 'map' || error.operation === 'ring') {
        if (!ladderWithoutMap(ladder, error.subject, reasonOf(error))) throw error;
        if (error.subject === 'event_buffers') options = { ...options, events: undefined };
      } else if (error.code !== 'load' && error.code !== 'attach') {
        throw error;
      } else if (!ladder.failed(failureOf(error.subject, error))) {
        throw error;
      }
    }
  }
}

function failureOf(program: string, error: BpfError): Failure {
  return {
    program,
    reason: reasonOf(error),
    // So libbpf says that the kernel's BTF has not got the function, or the tracepoint.
    isGone: error.code === 'load' && error.errno === 'ESRCH',
    ...logOf(error),
  };
}

/** A map cannot be had, or not be read: false when nothing goes on without. */
function ladderWithoutMap(ladder: Ladder, map: string, reason: string): boolean {
  if (map === 'task_states') return ladder.withoutTaskStorage();
  if (map === 'events') return ladder.withoutRing();
  return map === 'event_buffers' && ladder.withoutObject('events', reason);
}

/** The kernel's answer in one line. */
function reasonOf(error: BpfError): string {
  const lines = error.verifierLog?.trim().split('\n') ?? [];
  const told = lines.findLast((line) => !/^(processed|verification time|stack depth|\d+:|;|-- )/.test(line));
  return [`${error.operation}: ${error.errno ?? error.code}`, ...(told ? [told.slice(0, LOG_WIDTH)] : [])].join(', ');
}

const LOG_LINES = 20;
const LOG_WIDTH = 200;

/** The end of the verifier's log, where it says what it does not like. */
function logOf({ verifierLog }: BpfError): { readonly log?: readonly string[] } {
  const lines = verifierLog?.trim().split('\n') ?? [];
  return lines.length <= 1 ? {} : { log: lines.slice(-LOG_LINES).map((line) => line.slice(0, LOG_WIDTH)) };
}
