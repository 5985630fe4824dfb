import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { loadBpf } from '../../native/index.ts';
import { Collection } from '../../receivers/ebpf/collection.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { configFor } from '../../receivers/ebpf/events/event-options.ts';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { Workloads } from '../kernel/workload.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const CONNECTIONS = 2500;
const PROCESSES = 2000;
const PROGRAMS = 20;

const CONFIGURATIONS: readonly (readonly [name: string, keys: Readonly<Record<string, unknown>>])[] = [
  ['default', {}],
  ['every group', { collect_scheduler: true, collect_memory: true, network_messages: true, regular_files: 'on' }],
  [
    'every group, histograms by process',
    { collect_scheduler: true, collect_memory: true, histogram_labels: ['process'] },
  ],
];

/** CPU time of one collection, the kernel's walks over tasks and sockets included, beside 5,000 sockets and 2,000 processes. */
export async function run(rounds: number): Promise<void> {
  using sleepers = new Workloads();
  using sockets = new Workloads('sockets');
  const held = spawn(
    'sh',
    ['-c', `ulimit -n "$(ulimit -H -n)"; exec "$0" hold ${CONNECTIONS} 4 here`, sockets.program('holds')],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await once(held.stdout, 'data');
  const asleep = Array.from({ length: PROGRAMS }, (_, i) => {
    const each = `i=0; while [ $i -lt ${PROCESSES / PROGRAMS} ]; do "$0" sleeper 3600 & i=$((i + 1)); done; echo; wait`;
    // A process group of its own, so that one signal ends all of them.
    return spawn('sh', ['-c', each, sleepers.program(`sleeps-${i}`)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
  });
  try {
    await Promise.all(asleep.map(({ stdout }) => once(stdout, 'data')));
    const living = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
    if (living < PROCESSES) throw new Error(`Only ${living} processes live.`);
    const rows = [];
    for (const [what, keys] of CONFIGURATIONS) rows.push({ what, ...measure(keys, rounds), budget: '≤ 30' });
    printTable(
      `collection: CPU beside ${2 * CONNECTIONS} sockets and ${PROCESSES} processes, ms (median [min-max])`,
      rows,
    );
  } finally {
    held.stdin.end();
    for (const { pid } of asleep) if (pid !== undefined) process.kill(-pid, 'SIGTERM');
    await Promise.all(asleep.map((each) => each.signalCode ?? each.exitCode ?? once(each, 'exit')));
  }
}

function measure(keys: Readonly<Record<string, unknown>>, rounds: number) {
  const options = {
    config: configFor(config.parse(keys), new Set(['metrics'])),
    objects: objectFolder(),
    version: '0',
  };
  const collection = new Collection(loadBpf(), options);
  try {
    const user: number[] = [];
    const system: number[] = [];
    const both: number[] = [];
    for (let round = -3; round < rounds * 5; round++) {
      const before = process.cpuUsage();
      collection.read(performance.now());
      collection.build(1n, 0n);
      collection.accepted();
      const used = process.cpuUsage(before);
      if (round < 0) continue;
      user.push(used.user / 1000);
      system.push(used.system / 1000);
      both.push((used.user + used.system) / 1000);
    }
    return { ms: spread(both), user: spread(user), system: spread(system) };
  } finally {
    collection.close();
  }
}
