import { existsSync } from 'node:fs';
import {
  asError,
  BPF,
  type Bpf,
  type ComponentPlan,
  type PlanCheck,
  type PlannedMemory,
  type PlannedMetric,
  type PlannedProgram,
  type PlanScope,
} from 'bpflow/sdk';
import { canaryProgram } from '../canary.ts';
import { kernelOptionsOf } from '../collection.ts';
import type { Config } from '../config.ts';
import { configFor } from '../events/event-options.ts';
import { FACTS } from '../facts.ts';
import { Kernel } from '../kernel/kernel.ts';
import { needsOf, plannedNeeds } from '../kernel/needs.ts';
import { objectFolder } from '../kernel/objects.ts';
import { obstacle } from '../kernel/obstacle.ts';
import { pinObstacle } from '../kernel/pins.ts';
import { statusOf } from '../own-metrics.ts';
import { DescribedObjects, describedFolder } from '../programs/described-objects.ts';
import { planMetrics, planProgram } from '../programs/planned.ts';
import { type FactState, type MetricFact, offKey, rolesOf, stateOf } from '../series/metric-fact.ts';
import { adviceOf } from './advice.ts';
import { machineChecks } from './machine-checks.ts';
import { bufferMemory, mapBytes, storageBytes } from './map-memory.ts';
import { type MeasuredCost, measureCosts, type SelfTestOptions } from './self-test.ts';

export interface PlanOptions extends Pick<SelfTestOptions, 'exercise'> {
  /** Folder with the BPF objects; those that come with the agent by default. */
  readonly objects?: string;
  /** CPUs to compute memory for; those that are possible here by default. */
  readonly cpus?: number;
}

/**
 * What the receiver does on this machine: the programs are loaded and attached as it does it itself, measured for a second, and
 * taken away again.
 */
export async function planEbpf(asked: Config, scope: PlanScope, options: PlanOptions = {}): Promise<ComponentPlan> {
  const config = configFor(asked, scope.signals);
  const bpf = scope.get(BPF);
  const checks = [...machineChecks(bpf, config.btf_path), ...pinChecks(config.pin_path), ...canaryChecks(config)];
  const needs = plannedNeeds(bpf);
  let kernel: Kernel;
  try {
    if (!config.enabled) throw new Error('enabled is false.');
    kernel = loadKernel(bpf, config, options.objects);
  } catch (thrown) {
    const reason = adviceOf(asError(thrown));
    const metrics = FACTS.map((fact) => metricOf(fact, hopeless(fact, config, reason)));
    return { checks, metrics, programs: [], memory: [], needs, method: `Costs were not measured: ${reason}` };
  }
  const described = new DescribedObjects(bpf, describedFolder(config), config.btf_path);
  try {
    const { costs, method } = await measureCosts(kernel, { bpf, clock: scope.clock, ...options });
    const cpus = options.cpus ?? bpf.possibleCpus;
    const metrics = FACTS.map((fact) => metricOf(fact, stateOf(fact, config, kernel), { kernel, costs }));
    return {
      checks,
      metrics: [...metrics, ...planMetrics(described)],
      programs: programsOf(kernel, described, costs),
      memory: memoryOf(kernel, described, cpus),
      cpus,
      needs,
      method,
    };
  } finally {
    described.close();
    kernel.close();
  }
}

function pinChecks(path: string): PlanCheck[] {
  if (path === '') return [];
  const obstacle = pinObstacle(path);
  return [{ name: 'pin_path', ok: obstacle === undefined, found: path, advice: obstacle ?? '' }];
}

function canaryChecks({ canary, collect_syscalls: isCounted }: Config): PlanCheck[] {
  if (canary === 0) return [];
  const program = canaryProgram();
  const advice = isCounted
    ? `${program} is missing: the canary is built with the addon, by scripts/build-addon.sh.`
    : 'Its calls are counted with collect_syscalls only.';
  const ok = isCounted && existsSync(program);
  return [{ name: 'canary', ok, found: program, advice: ok ? '' : advice }];
}

function loadKernel(bpf: Bpf, config: Config, objects = objectFolder()): Kernel {
  const why = obstacle(bpf, config.btf_path);
  if (why !== undefined) throw new Error(why);
  return Kernel.load(bpf, kernelOptionsOf({ config, objects }));
}

function hopeless(fact: MetricFact, config: Config, reason: string): FactState {
  const off = offKey(fact, config);
  return off === undefined ? { state: 'absent', reason } : { state: 'off', reason: `${off} is off.` };
}

type Costs = ReadonlyMap<string, MeasuredCost>;

function metricOf(
  fact: MetricFact,
  { state, reason }: FactState,
  attached?: { readonly kernel: Kernel; readonly costs: Costs },
): PlannedMetric {
  const { name, seedName, kind, unit } = fact.definition;
  const isThere = (state === 'exact' || state === 'inexact') && attached !== undefined;
  const programs = isThere ? programsServing(attached.kernel, rolesOf(fact)) : [];
  const costNs = isThere ? costOf(fact, attached.kernel, attached.costs) : undefined;
  const memory = isThere ? fact.maps.map(({ map }) => map) : [];
  const needs = [...new Set(programs.flatMap((program) => needsOf(attached!.kernel.hookOf(program))))];
  const cost = costNs === undefined ? {} : { costNs };
  return { name, seedName, kind, unit, state, reason, programs, needs, memory, ...cost };
}

function programsServing(kernel: Kernel, names: readonly string[]): string[] {
  return names.flatMap((name) => kernel.servedAs(name).flatMap(({ program }) => program ?? []));
}

/** Programs that all run for an event are added; of those of which one runs, the most expensive counts. */
function costOf({ needs, oneOf = [], perEvent }: MetricFact, kernel: Kernel, costs: Costs): number | undefined {
  const measured = (roles: readonly string[]) =>
    programsServing(kernel, roles)
      .filter((program) => runsOf(kernel.hookOf(program)) === 'event')
      .flatMap((program) => costs.get(program)?.ns ?? []);
  const one = measured(perEvent ?? oneOf);
  const all = perEvent === undefined ? measured(needs) : [];
  if (all.length > 0) return all.reduce((sum, ns) => sum + ns, 0);
  return one.length > 0 ? Math.max(...one) : undefined;
}

function programsOf(kernel: Kernel, described: DescribedObjects, costs: Costs): PlannedProgram[] {
  const roles = new Map(kernel.roles().flatMap(({ program, ...served }) => (program ? [[program, served]] : [])));
  return statusOf(kernel, described).map(({ program, state, reason }): PlannedProgram => {
    const { hook, needs } = planProgram(described, program) ?? plannedHook(kernel.hookOf(program));
    const served = roles.get(program);
    const cost = costs.get(program);
    return {
      program,
      state,
      reason,
      hook,
      below: served?.below ?? [],
      without: served?.role.without ?? kernel.withoutOf(program),
      runs: runsOf(hook),
      needs,
      ...(cost !== undefined && { costNs: cost.ns, runsMeasured: cost.runs }),
    };
  });
}

function plannedHook(hook: string): Pick<PlannedProgram, 'hook' | 'needs'> {
  return { hook, needs: needsOf(hook) };
}

function runsOf(hook: string): PlannedProgram['runs'] {
  return hook.startsWith('iter') ? 'collection' : 'event';
}

function memoryOf(kernel: Kernel, described: DescribedObjects, cpus: number): PlannedMemory[] {
  return [...kernel.maps(), ...described.maps].map((map): PlannedMemory => {
    const each = storageBytes(map);
    const of = map.type === 'task_storage' ? 'task' : 'socket';
    return {
      name: map.name,
      type: map.type,
      entries: map.maxEntries,
      bytes: mapBytes(map, cpus) + (map.type === 'perf_event_array' ? bufferMemory(kernel.bufferBytes, cpus) : 0),
      grows: each === undefined ? '' : `about ${each} bytes for each ${of}`,
    };
  });
}
