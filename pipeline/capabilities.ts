import type { Bpf } from '../sdk/bpf.ts';
import { asError } from '../sdk/errors.ts';
import type { Logger } from '../sdk/scope.ts';
import { BUILT_IN, capabilityErrors, label, PipelineErrors } from './errors.ts';
import type { GraphPlan, PlannedComponent } from './graph/plan.ts';

/** What an agent keeps beside what its components need. `all`: nothing is dropped. */
export type KeptCapabilities = 'all' | readonly string[];

/** With these a component works in the kernel. */
const KERNEL: ReadonlySet<string> = new Set(['cap_bpf', 'cap_perfmon', 'cap_sys_admin']);

/** Errors of the kernel for who lacks a right. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EPERM', 'EACCES']);

/**
 * The capabilities of an agent that works in the kernel. Once everything has started it drops those that no component needs, for
 * good; a reload that needs one of them is refused.
 */
export class Capabilities {
  readonly #bpf: () => Bpf;
  readonly #log: Logger;
  #dropped: ReadonlySet<string> = new Set();

  /** `bpf`: asked for only when there is something to drop. */
  constructor(bpf: () => Bpf, log: Logger) {
    this.#bpf = bpf;
    this.#log = log;
  }

  /** To be called when all components of the plan have started. Drops once. */
  drop(plan: GraphPlan, keep: KeptCapabilities): void {
    if (keep === 'all' || this.#dropped.size > 0) return;
    const components = componentsOf(plan);
    if (!components.some(({ entry }) => entry.spec.capabilities !== undefined)) return;
    const bpf = this.#bpf();
    const had = bpf.capabilities();
    const needed = components.flatMap((component) => neededBy(component, had));
    if (!needed.some((capability) => KERNEL.has(capability))) return;
    const silent = components.find(({ entry }) => entry.plugin !== BUILT_IN && entry.spec.capabilities === undefined);
    if (silent !== undefined) {
      this.#log.info('No capability is dropped: a plugin does not say which ones it needs.', {
        component: label(silent.id),
      });
      return;
    }
    const kept = had.filter((capability) => needed.includes(capability) || keep.includes(capability));
    const dropped = had.filter((capability) => !kept.includes(capability));
    if (dropped.length === 0) return;
    try {
      bpf.dropCapabilities(kept);
      this.#log.info('Capabilities that are not needed any more were dropped.', { kept, dropped: dropped.length });
    } catch (error) {
      this.#log.error('Not all capabilities could be dropped.', { error: asError(error).message });
    }
    this.#dropped = new Set(dropped);
  }

  /** Throws PipelineErrors when components of a plan need what was dropped. */
  check(plan: GraphPlan): void {
    if (this.#dropped.size === 0) return;
    const had = [...this.#bpf().capabilities(), ...this.#dropped];
    const errors = componentsOf(plan).flatMap((component) => {
      const missing = neededBy(component, had).filter((capability) => this.#dropped.has(capability));
      return missing.length === 0 ? [] : [capabilityErrors.dropped(component.id, missing)];
    });
    if (errors.length > 0) throw new PipelineErrors(errors);
  }

  /** The failure of a reload, with what to do where a capability that was dropped may be what it lacks. */
  explain(failure: unknown): Error {
    const error = asError(failure);
    if (this.#dropped.size === 0 || !isRefusal(error)) return error;
    return new PipelineErrors([
      ...(error instanceof AggregateError ? error.errors.map(asError) : [error]),
      capabilityErrors.mayBeDropped(),
    ]);
  }
}

function componentsOf({ extensions, pipelines }: GraphPlan): readonly PlannedComponent[] {
  const inPipelines = pipelines.flatMap(({ receivers, processors, exporters }) => [
    ...receivers,
    ...processors,
    ...exporters,
  ]);
  return [...new Set([...extensions, ...inPipelines])];
}

function neededBy({ entry, config }: PlannedComponent, had: readonly string[]): readonly string[] {
  const { spec } = entry;
  return spec.capabilities?.(config, had) ?? [];
}

/** Whether the kernel refused something for want of rights, by the codes of an error and of its causes. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (REFUSALS.has((error as NodeJS.ErrnoException).code) || REFUSALS.has((error as { errno?: unknown }).errno)) {
    return true;
  }
  return (error instanceof AggregateError && error.errors.some(isRefusal)) || isRefusal(error.cause);
}
