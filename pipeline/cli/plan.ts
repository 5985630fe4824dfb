import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Signal } from '../../pdata/signals.ts';
import type { ComponentPlan, PlanScope } from '../../sdk/plan.ts';
import type { ComponentId } from '../../sdk/scope.ts';
import type { Token } from '../../sdk/tokens.ts';
import { version } from '../../sdk/version.ts';
import { systemClock } from '../clock.ts';
import { PipelineError, serviceErrors } from '../errors.ts';
import type { GraphPlan, PlannedComponent, PlannedPipeline } from '../graph/plan.ts';
import { Container } from '../plugins/container.ts';
import type { Arguments } from './arguments.ts';
import { readConfiguration } from './configuration.ts';
import { planText } from './plan-text.ts';

/** The plan of one component. */
export interface PlannedPart extends ComponentPlan {
  readonly kind: ComponentId['kind'];
  readonly id: string;
}

/**
 * Prints what the components of a configuration can do on this machine, by the example's where none is named. Nothing is
 * started. Resolves to 0, or to 2 when something is absent that the configuration asks for.
 */
export async function plan({ config, set, format }: Pick<Arguments, 'config' | 'set' | 'format'>): Promise<number> {
  const { plan: graph } = await readConfiguration({ config: config.length === 0 ? [exampleFile()] : config, set });
  const components = await planGraph(graph, await Container.root());
  process.stdout.write(
    format === 'json' ? `${JSON.stringify({ version, components }, undefined, 2)}\n` : planText(components),
  );
  const isAbsent = components.some(({ metrics }) => metrics.some(({ state }) => state === 'absent'));
  return isAbsent ? SOMETHING_ABSENT : 0;
}

const SOMETHING_ABSENT = 2;

/** Asks each component that is used, and that can tell, in the order of the data's way. */
export async function planGraph(graph: GraphPlan, container: Container): Promise<readonly PlannedPart[]> {
  const parts: PlannedPart[] = [];
  // The clock of a scope keeps no process alive.
  const awake = setInterval(() => {}, AWAKE_MS);
  const components = usedBy(graph);
  const used = new Set(components.map(({ id }) => `${id.kind}/${id}`));
  try {
    for (const { id, entry, config } of components) {
      const told = await entry.spec.plan?.(config, scopeOf(id, { signals: signalsOf(graph, id), used }, container));
      if (told !== undefined) parts.push({ kind: id.kind, id: String(id), ...told });
    }
  } finally {
    clearInterval(awake);
  }
  return parts;
}

const AWAKE_MS = 60_000;

function usedBy({ extensions, pipelines }: GraphPlan): readonly PlannedComponent[] {
  const all = [
    ...extensions,
    ...pipelines.flatMap(({ receivers, processors, exporters }) => [...receivers, ...processors, ...exporters]),
  ];
  return [...new Map(all.map((component) => [`${component.id.kind}/${component.id}`, component])).values()];
}

function signalsOf({ pipelines }: GraphPlan, wanted: ComponentId): ReadonlySet<Signal> {
  const isIn = ({ receivers, processors, exporters }: PlannedPipeline) =>
    [...receivers, ...processors, ...exporters].some(({ id }) => id.kind === wanted.kind && `${id}` === `${wanted}`);
  return new Set(pipelines.filter(isIn).map(({ signal }) => signal));
}

function scopeOf(
  id: ComponentId,
  { signals, used }: Pick<PlanScope, 'signals' | 'used'>,
  container: Container,
): PlanScope {
  const find = <T>(token: Token<T>): T | undefined => container.find(token).values().next().value;
  return {
    id,
    signals,
    used,
    agent: { name: 'bpflow', version },
    clock: systemClock(),
    find,
    get<T>(token: Token<T>): T {
      const service = find(token);
      if (service === undefined) throw serviceErrors.missing(id, token.description ?? '');
      return service;
    },
  };
}

/** The example that comes with the agent, in a checkout and in the package. */
function exampleFile(start: string = import.meta.dirname): string {
  const file = join(start, 'pipeline.example.yaml');
  if (existsSync(file)) return file;
  if (dirname(start) === start) throw new PipelineError('usage', 'the example is missing: name a file with --config.');
  return exampleFile(dirname(start));
}
