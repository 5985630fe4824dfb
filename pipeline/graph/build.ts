import type { Signal } from '../../pdata/signals.ts';
import type {
  Component,
  Connector,
  ConnectorSpec,
  Exporter,
  ExporterSpec,
  ExtensionSpec,
  Outlets,
  Processor,
  ProcessorSpec,
  Receiver,
  ReceiverSpec,
  StatefulProcessor,
  TransformProcessor,
  WantedTemporality,
} from '../../sdk/component.ts';
import { asError } from '../../sdk/errors.ts';
import type { Clock, ComponentId, Scope } from '../../sdk/scope.ts';
import { buildErrors, PipelineErrors } from '../errors.ts';
import { branchTo, connectorInput, type Edge, exporterInput, outlet, statefulInput, transformInput } from './edges.ts';
import { Graph } from './graph.ts';
import { Ledger } from './ledger.ts';
import { type ExporterNode, Node } from './node.ts';
import type { GraphPlan, PlannedComponent, PlannedPipeline } from './plan.ts';
import { type Feed, feedOf, PullPoint, type PullTotals, upstreamOf } from './pull.ts';
import { Stopwatch } from './stopwatch.ts';
import { type Converter, convertBefore } from './temporality.ts';
import { deferred, fedBy, join, names, type Target, unfedConnectors, unique, type Wired } from './wiring.ts';

/** What the graph needs from the agent around it. */
export interface GraphHost {
  readonly clock: Clock;
  /** Aborted when the agent must end now. */
  readonly abort: AbortSignal;
  /** Makes the part of the container that one component instance gets. */
  scope(id: ComponentId, pipeline: string | undefined, ledger: Ledger): Scope;
  converter(wanted: Exclude<WantedTemporality, 'any'>): ExpiringConverter;
}

export interface ExpiringConverter extends Converter {
  /** Forgets foreign series that were idle for too long. `now` in ns since 1970. */
  expire(now: bigint): void;
}

/**
 * Makes every component and wires it, consumers before producers. Nothing is started. Throws PipelineErrors with all that
 * cannot be made; what was made by then is stopped.
 */
export async function buildGraph(plan: GraphPlan, host: GraphHost): Promise<Graph> {
  const builder = new Builder(plan, host);
  builder.build();
  const graph = builder.graph();
  if (builder.errors.length === 0) return graph;
  await graph.stop(0);
  throw new PipelineErrors(builder.errors);
}

class Builder {
  readonly errors: Error[] = [];
  readonly #plan: GraphPlan;
  readonly #host: GraphHost;
  readonly #stopwatch = new Stopwatch();
  readonly #pullTotals: PullTotals = { collected: 0, failed: 0, late: 0 };
  readonly #extensions: Node[] = [];
  /** In the order of their making: each after everything it hands data to. */
  readonly #nodes: Node[] = [];
  readonly #downstream = new Map<Node, Set<Node>>();
  readonly #exporters = new Map<string, ExporterNode | undefined>();
  readonly #exporterEdges = new Map<string, Edge>();
  readonly #connectors = new Map<string, Wired<Connector> | undefined>();
  readonly #connectorsInMaking: string[] = [];
  readonly #pipelines = new Map<PlannedPipeline, readonly Target[]>();
  readonly #feeds = new Map<Node, Feed>();
  readonly #points: PullPoint[] = [];
  readonly #converters: ExpiringConverter[] = [];

  constructor(plan: GraphPlan, host: GraphHost) {
    this.#plan = plan;
    this.#host = host;
  }

  build(): void {
    for (const planned of this.#plan.extensions) {
      const spec = planned.entry.spec as ExtensionSpec;
      const node = this.#make<Component>(planned, undefined, (scope) => spec.create(planned.config, scope));
      if (node) this.#extensions.push(node);
    }
    for (const pipeline of this.#plan.pipelines) this.#pipelineInput(pipeline);
    this.#makeReceivers();
    this.errors.push(...unfedConnectors(this.#plan));
    for (const node of this.#nodes)
      if (node.id.kind === 'exporter') this.#feeds.set(node, feedOf(node, this.#nodes, this.#downstream, this.#points));
  }

  graph(): Graph {
    return new Graph({
      extensions: this.#extensions,
      nodes: this.#nodes,
      points: this.#points,
      pullTotals: this.#pullTotals,
      converters: this.#converters,
      clock: this.#host.clock,
    });
  }

  #make<C extends Component>(
    planned: PlannedComponent,
    pipeline: string | undefined,
    create: (scope: Scope) => C,
  ): Node<C> | undefined {
    const { id, entry } = planned;
    const ledger = new Ledger();
    try {
      const scope = this.#host.scope(id, pipeline, ledger);
      return new Node<C>({ scope, spec: entry.spec, plugin: entry.plugin, ledger, stopwatch: this.#stopwatch }, create);
    } catch (thrown) {
      this.errors.push(buildErrors.create(id, entry.plugin, asError(thrown)));
      return undefined;
    }
  }

  #add(node: Node, downstream: Iterable<Node>): void {
    this.#nodes.push(node);
    this.#downstream.set(node, new Set(downstream));
  }

  /** Where a batch that enters the pipeline goes. */
  #pipelineInput(pipeline: PlannedPipeline): readonly Target[] {
    const known = this.#pipelines.get(pipeline);
    if (known !== undefined) return known;
    let targets: readonly Target[] = unique(pipeline.exporters).flatMap(
      (planned) => this.#exporterTarget(planned, pipeline) ?? [],
    );
    for (const planned of pipeline.processors.toReversed()) {
      targets = this.#processorTarget(planned, pipeline, targets) ?? targets;
    }
    this.#pipelines.set(pipeline, targets);
    return targets;
  }

  #processorTarget(
    planned: PlannedComponent,
    pipeline: PlannedPipeline,
    next: readonly Target[],
  ): Target[] | undefined {
    const spec = planned.entry.spec as ProcessorSpec;
    const { signal } = pipeline;
    if (!spec.consumes.includes(signal)) {
      this.errors.push(buildErrors.processorSignal(planned.id, pipeline.id));
      return undefined;
    }
    const after = join(next);
    let own: Edge | undefined;
    const node = this.#make<Processor>(planned, pipeline.id, (scope) =>
      spec.create(planned.config, scope, { [signal]: deferred(() => own) } as Outlets),
    );
    if (node === undefined) return undefined;
    own = outlet(node, signal, after);
    this.#add(
      node,
      next.map((target) => target.node),
    );
    return this.#wire(planned, () => {
      const input =
        'transform' in node.component
          ? transformInput(node as Node<TransformProcessor>, signal, after)
          : statefulInput(node as Node<StatefulProcessor>, signal, own!);
      return { node, branch: branchTo(node, signal, this.#converted(node, signal, spec.wants, input)) };
    });
  }

  #exporterTarget(planned: PlannedComponent, pipeline: PlannedPipeline): Target[] | undefined {
    if (planned.id.kind === 'connector') return this.#connectorTarget(planned, pipeline);
    const { signal } = pipeline;
    const spec = planned.entry.spec as ExporterSpec;
    if (!spec.consumes.includes(signal)) {
      this.errors.push(buildErrors.signal(planned.id, signal));
      return undefined;
    }
    const node = this.#exporter(planned, spec);
    if (node === undefined) return undefined;
    return this.#wire(planned, () => {
      const key = `${planned.id}\n${signal}`;
      const edge =
        this.#exporterEdges.get(key) ??
        this.#converted(node, signal, node.component.wants, exporterInput(node, signal));
      this.#exporterEdges.set(key, edge);
      return { node, branch: branchTo(node, signal, edge) };
    });
  }

  #exporter(planned: PlannedComponent, spec: ExporterSpec): ExporterNode | undefined {
    const key = String(planned.id);
    if (this.#exporters.has(key)) return this.#exporters.get(key);
    const upstream = upstreamOf(() => this.#feeds.get(node!), this.#host.clock, this.#pullTotals);
    const node: ExporterNode | undefined = this.#make<Exporter>(planned, undefined, (scope) =>
      spec.create(planned.config, scope, upstream),
    );
    this.#exporters.set(key, node);
    if (node) this.#add(node, []);
    return node;
  }

  #connectorTarget(planned: PlannedComponent, pipeline: PlannedPipeline): Target[] | undefined {
    const { signal } = pipeline;
    const spec = planned.entry.spec as ConnectorSpec;
    if (fedBy(this.#plan, planned.id, spec, signal).length === 0) {
      this.errors.push(buildErrors.connectorUnused(planned.id, 'exporter', [pipeline.id]));
      return undefined;
    }
    const made = this.#connector(planned, spec);
    if (made === undefined) return undefined;
    return this.#wire(planned, () => ({
      node: made.node,
      branch: branchTo(
        made.node,
        signal,
        connectorInput(made.node, signal, () => made.outlets),
      ),
    }));
  }

  #connector(planned: PlannedComponent, spec: ConnectorSpec): Wired<Connector> | undefined {
    const key = String(planned.id);
    if (this.#connectorsInMaking.includes(key)) {
      const path = [...this.#connectorsInMaking.slice(this.#connectorsInMaking.indexOf(key)), key];
      this.errors.push(buildErrors.cycle(path.map((id) => `connector "${id}"`)));
      return undefined;
    }
    if (this.#connectors.has(key)) return this.#connectors.get(key);
    this.#connectorsInMaking.push(key);
    const reachable = new Set(spec.connects.map((pair) => pair.to));
    const targets = new Map<Signal, readonly Target[]>();
    for (const pipeline of this.#plan.pipelines) {
      if (!reachable.has(pipeline.signal) || !names(pipeline.receivers, planned.id)) continue;
      targets.set(pipeline.signal, [...(targets.get(pipeline.signal) ?? []), ...this.#pipelineInput(pipeline)]);
    }
    this.#connectorsInMaking.pop();
    const made = this.#makeWithOutlets<Connector>(planned, targets, (scope, next) =>
      spec.create(planned.config, scope, next),
    );
    this.#connectors.set(key, made);
    return made;
  }

  #makeReceivers(): void {
    const receivers = new Map<string, { planned: PlannedComponent; targets: Map<Signal, readonly Target[]> }>();
    for (const pipeline of this.#plan.pipelines) {
      for (const planned of unique(pipeline.receivers)) {
        if (planned.id.kind === 'connector') continue;
        if (!(planned.entry.spec as ReceiverSpec).produces.includes(pipeline.signal)) {
          this.errors.push(buildErrors.signal(planned.id, pipeline.signal));
          continue;
        }
        const receiver = receivers.get(String(planned.id)) ?? { planned, targets: new Map() };
        receivers.set(String(planned.id), receiver);
        const others = receiver.targets.get(pipeline.signal) ?? [];
        receiver.targets.set(pipeline.signal, [...others, ...this.#pipelineInput(pipeline)]);
      }
    }
    for (const { planned, targets } of receivers.values()) {
      const spec = planned.entry.spec as ReceiverSpec;
      const made = this.#makeWithOutlets<Receiver>(planned, targets, (scope, next) =>
        spec.create(planned.config, scope, next),
      );
      if (made?.node.component.collect !== undefined) {
        const { clock, abort } = this.#host;
        this.#points.push(new PullPoint(made.node, { clock, abort, totals: this.#pullTotals }));
      }
    }
  }

  #makeWithOutlets<C extends Component>(
    planned: PlannedComponent,
    targets: ReadonlyMap<Signal, readonly Target[]>,
    create: (scope: Scope, next: Outlets) => C,
  ): Wired<C> | undefined {
    const wired = new Map<Signal, Edge>();
    const next: Partial<Record<Signal, Edge>> = {};
    for (const signal of targets.keys()) next[signal] = deferred(() => wired.get(signal));
    const node = this.#make<C>(planned, undefined, (scope) => create(scope, next as Outlets));
    if (node === undefined) return undefined;
    for (const [signal, list] of targets) wired.set(signal, outlet(node, signal, join(list)));
    this.#add(
      node,
      [...targets.values()].flat().map((target) => target.node),
    );
    return { node, outlets: [...wired.values()] };
  }

  #converted(node: Node, signal: Signal, wants: WantedTemporality | undefined, input: Edge): Edge {
    if (signal !== 'metrics' || wants === undefined || wants === 'any') return input;
    const converter = this.#host.converter(wants);
    this.#converters.push(converter);
    return convertBefore(converter, this.#host.clock, node.ledger, input);
  }

  #wire(planned: PlannedComponent, wire: () => Target): Target[] | undefined {
    try {
      return [wire()];
    } catch (thrown) {
      this.errors.push(buildErrors.create(planned.id, planned.entry.plugin, asError(thrown)));
      return undefined;
    }
  }
}
