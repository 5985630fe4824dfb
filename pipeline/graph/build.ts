import type { WantedTemporality } from '../../sdk/component.ts';
import type { Clock } from '../../sdk/scope.ts';
import { PipelineErrors } from '../errors.ts';
import { Assembler } from './assemble.ts';
import { Books } from './books.ts';
import { Graph } from './graph.ts';
import type { Node } from './node.ts';
import type { GraphPlan } from './plan.ts';
import type { PullTotals } from './pull.ts';
import type { Stage } from './seat.ts';
import { Stopwatch } from './stopwatch.ts';
import type { Converter, History } from './temporality.ts';

/** What the graph needs from the agent around it. */
export interface GraphHost {
  readonly clock: Clock;
  /** Aborted when the agent must end now. */
  readonly abort: AbortSignal;
  /** Begins a set of services, empty but for the agent's own. */
  stage(): Stage;
  converter(wanted: Exclude<WantedTemporality, 'any'>): ExpiringConverter;
  /** Called for each component instance that was made. */
  made?(node: Node): void;
}

export interface ExpiringConverter extends Converter {
  /** Forgets foreign series that were idle for too long. `now` in ns since 1970. */
  expire(now: bigint): void;
}

/** What belongs to the graph whatever components it consists of. */
export interface GraphState {
  readonly host: GraphHost;
  readonly books: Books;
  readonly stopwatch: Stopwatch;
  readonly pullTotals: PullTotals;
  /** Of the converters, by the key of the component they stand before and what it wants. */
  readonly histories: Map<string, History<ExpiringConverter>>;
}

/**
 * Makes every component and wires it, consumers before producers. Nothing is started. Throws PipelineErrors with all that
 * cannot be made; what was made by then is stopped.
 */
export async function buildGraph(plan: GraphPlan, host: GraphHost): Promise<Graph> {
  const state: GraphState = {
    host,
    books: new Books(),
    stopwatch: new Stopwatch(),
    pullTotals: { collected: 0, failed: 0, late: 0 },
    histories: new Map(),
  };
  const assembler = new Assembler(plan, state, []);
  const assembly = assembler.assemble();
  const graph = new Graph(assembly, state);
  if (assembler.errors.length === 0) return graph;
  await graph.stop(0);
  throw new PipelineErrors(assembler.errors);
}
