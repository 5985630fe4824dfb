import type { BpfProgram, PlannedProgram, Scope } from 'bpflow/sdk';
import { LedgerSlot } from '../../bpf/process.gen.ts';
import type { Collection } from './collection.ts';
import type { Kernel } from './kernel/kernel.ts';
import { MapBuffer } from './kernel/map-buffer.ts';
import type { OwnObject } from './kernel/own-objects.ts';
import type { DescribedObjects } from './programs/described-objects.ts';

type PlannedStatus = Pick<PlannedProgram, 'program' | 'state' | 'reason'>;

/** Average run time of each program in ns, from the window of run statistics, or why there is none. */
export type RunTimes = ReadonlyMap<string, number> | string;

/** Publishes what the kernel half says of itself: `bpflow_program_status`, `bpflow_ebpf_*` and the views of the admin socket. */
export function publishOwnMetrics(
  scope: Scope,
  collection: () => Collection | undefined,
  runTimes: () => RunTimes,
): void {
  const { meter } = scope;
  const ledger = (): Record<string, number> => readLedger(collection());

  meter
    .createObservableGauge('bpflow_program_status', {
      description:
        '1 for each BPF program, with its state (attached, failed, off) and the reason unless it is attached; and for each object of programs_path (used, failed).',
    })
    .addCallback((result) => {
      for (const { program, state, reason } of statusIn(collection())) {
        result.observe(1, { program, state, reason });
      }
    });
  meter
    .createObservableCounter('bpflow_ebpf_recursion_misses', {
      description:
        'Runs that the kernel skipped because the program was running on that CPU already: what they would have counted is lost.',
    })
    .addCallback((result) => {
      for (const [program, { recursionMisses }] of infos(collection()))
        result.observe(Number(recursionMisses), { program });
    });
  meter
    .createObservableCounter('bpflow_ebpf_ledger', {
      description:
        'Runs of programs that did not add to a series of their own, by reason; those that end in _full and no_state are counted as `other`.',
    })
    .addCallback((result) => {
      for (const [reason, count] of Object.entries(ledger())) result.observe(count, { reason });
    });
  meter
    .createObservableGauge('bpflow_ebpf_map_entries', {
      description: 'Entries in use of each BPF map of bounded size, at the last collection.',
    })
    .addCallback((result) => {
      for (const { map, entries } of collection()?.usage() ?? []) result.observe(entries, { map: map.name });
    });
  meter
    .createObservableGauge('bpflow_ebpf_map_capacity', {
      description: 'Entries that each BPF map of bounded size has room for.',
    })
    .addCallback((result) => {
      for (const { map } of collection()?.usage() ?? []) result.observe(map.maxEntries, { map: map.name });
    });
  meter
    .createObservableGauge('bpflow_ebpf_groups', { description: 'Series groups that live now.' })
    .addCallback((result) => {
      const groups = collection()?.groups;
      if (groups !== undefined) result.observe(groups.size);
    });
  meter
    .createObservableGauge('bpflow_ebpf_program_run_time', {
      unit: 'ns',
      description:
        'Average run time of each BPF program in the one second after the start in which the kernel measured it.',
    })
    .addCallback((result) => {
      for (const [program, ns] of measured(runTimes())) result.observe(ns, { program });
    });

  scope.inspect('programs', () => {
    const times = runTimes();
    const all = collection()?.attached;
    return {
      programs: statusIn(collection()).map((status) => {
        const attached = all?.get(status.program);
        const info = attached?.info();
        const runs = Number(info?.runCount ?? 0);
        return {
          ...status,
          id: attached?.id,
          averageRunTimeNs: measured(times).get(status.program),
          recursionMisses: info && Number(info.recursionMisses),
          // Counted by the kernel only while somebody has it measure run times.
          ...(runs > 0 && { runs }),
        };
      }),
      runTime: typeof times === 'string' ? times : 'measured in the first second after the start',
    };
  });
  scope.inspect('maps', () =>
    (collection()?.usage() ?? []).map(({ map, entries }) => ({ map: map.name, entries, capacity: map.maxEntries })),
  );
  scope.inspect('ledger', ledger);
}

/** Programs, those of the user's own, then what became of the user's objects and descriptions. */
export function statusOf(kernel: Kernel, described: DescribedObjects): readonly PlannedStatus[] {
  const programs = described.programs.map(
    ({ name }): PlannedStatus => ({ program: name, state: 'attached', reason: '' }),
  );
  return [...kernel.programs, ...programs, ...[...kernel.objects, ...described.refused].map(objectStatus)];
}

function objectStatus({ file, used, reason }: OwnObject): PlannedStatus {
  return { program: file, state: used ? 'used' : 'failed', reason };
}

function statusIn(collection: Collection | undefined): readonly PlannedStatus[] {
  return collection === undefined ? [] : statusOf(collection.kernel, collection.described);
}

function measured(times: RunTimes): ReadonlyMap<string, number> {
  return typeof times === 'string' ? new Map() : times;
}

/** Runs by reason, summed over all CPUs. */
function readLedger(collection: Collection | undefined): Record<string, number> {
  const map = collection?.kernel.map('process', 'ledger');
  if (map === undefined) return {};
  const buffer = new MapBuffer(map, { batch: true });
  const entries = buffer.read();
  const counts: Record<string, number> = {};
  for (const [name, slot] of Object.entries(LedgerSlot)) {
    if (name === 'LEDGER_SLOTS') continue;
    const entry = buffer.keys.subarray(0, entries).indexOf(slot);
    let count = 0;
    for (let cpu = 0; entry >= 0 && cpu < buffer.cpus; cpu++) {
      const at = entry * buffer.entryWords + cpu * buffer.cpuWords;
      count += buffer.values[at]! + buffer.values[at + 1]! * 2 ** 32;
    }
    counts[name.replace('LEDGER_', '').toLowerCase()] = count;
  }
  return counts;
}

function infos(collection: Collection | undefined): (readonly [string, ReturnType<BpfProgram['info']>])[] {
  return [...(collection?.attached ?? [])].map(([name, program]) => [name, program.info()] as const);
}
