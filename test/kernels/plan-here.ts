/** Writes what the receiver has on the running kernel, with everything switched on, into the file that is named. */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { kernelOptionsOf } from '../../receivers/ebpf/collection.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { STACK_KINDS } from '../../receivers/ebpf/events/event-types.ts';
import { FACTS } from '../../receivers/ebpf/facts.ts';
import { Kernel } from '../../receivers/ebpf/kernel/kernel.ts';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { rolesOf, stateOf } from '../../receivers/ebpf/series/metric-fact.ts';
import { bpf } from '../kernel/machine.ts';
import type { KernelResults } from './results.ts';

const asked = config.parse({
  collect_scheduler: true,
  collect_memory: true,
  regular_files: 'on',
  network_messages: true,
  collect_dns: true,
  collect_dns_events: true,
  collect_signal_events: true,
  collect_namespace_events: true,
  collect_privilege_events: true,
  collect_cgroup_events: true,
  monitor_paths: ['/etc'],
  stack_traces: Object.keys(STACK_KINDS),
});
const kernel = Kernel.load(bpf, kernelOptionsOf({ config: asked, objects: objectFolder() }));
const rungOf = (program: string | undefined) => (program === undefined ? '' : kernel.hookOf(program).split('/')[0]!);
const results: Omit<KernelResults, 'files'> = {
  release: release(),
  metrics: FACTS.map((fact) => {
    const programs = rolesOf(fact).flatMap((role) => kernel.servedAs(role).map(({ program }) => program));
    const rungs = programs.map(rungOf);
    const { seedName: name } = fact.definition;
    return { name, ...stateOf(fact, asked, kernel), rungs: [...new Set(rungs)].filter((rung) => rung !== '').sort() };
  }),
  events: kernel
    .roles()
    .filter(({ role }) => role.object === 'events')
    .map(({ role, program }) => ({
      role: role.name,
      rung: rungOf(program),
      reason:
        program === undefined
          ? kernel
              .failuresOf(role.name)
              .map((each) => each.reason)
              .join('; ')
          : '',
    })),
};
kernel.close();
writeFileSync(process.argv[2]!, JSON.stringify(results));
