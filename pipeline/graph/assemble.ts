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
import type { Scope } from '../../sdk/scope.ts';
import { buildErrors } from '../errors.ts';
import { type Assembly, connectMade, type Wire } from './assembly.ts';
import { keyOf } from './books.ts';
import type { GraphState } from './build.ts';
import { branchTo, connectorInput, type Edge, exporterInput, statefulInput, transformInput } from './edges.ts';
import { type ExporterNode, Node } from './node.ts';
import type { GraphPlan, PlannedComponent, PlannedPipeline } from './plan.ts';
import { type Feed, feedOf, PullPoint, upstreamOf } from './pull.ts';
import { isSame } from './same.ts';
import type { Seat, Stage } from './seat.ts';
import { convertBefore, History } from './temporality.ts';
import { fedBy, names, type Target, unfedConnectors, unique } from './wiring.ts';

/**
 * Makes what a plan asks for and does not run yet, consumers before producers, and plans the wiring of all. What runs is
 * not touched.
 */
export class Assembler {
  readonly errors: Error[] = [];
  readonly #plan: GraphPlan;
  readonly #state: GraphState;
  readonly #stage: Stage;
  readonly #running: readonly Node[];
  readonly #extensions: Node[] = [];
  readonly #nodes: Node[] = [];
  readonly #made = new Set<Node>();
  readonly #wires: Wire[] = [];
  readonly #downstream = new Map<Node, Set<Node>>();
  readonly #exporters = new Map<string, ExporterNode | undefined>();
  readonly #connectors = new Map<string, Node<Connector> | undefined>();
  readonly #connectorsInMaking: string[] = [];
  readonly #pipelines = new Map<PlannedPipeline, readonly Target[]>();

  /** `running` are the instances that may be kept. */
  constructor(plan: GraphPlan, state: GraphState, running: readonly Node[]) {
    this.#plan = plan;
    this.#state = state;
    this.#running = running;
    this.#stage = state.host.stage();
  }

  /** Once. What could not be made is missing in the result, and told in {@link errors}. */
  assemble(): Assembly {
    for (const planned of unique(this.#plan.extensions)) {
      const spec = planned.entry.spec as ExtensionSpec;
      const node = this.#take<Component>(planned, undefined, [], (scope) => spec.create(planned.config, scope));
      if (node === undefined) continue;
      this.#extensions.push(node);
      if (!this.#made.has(node)) this.#stage.keep(node.seat);
    }
    for (const pipeline of this.#plan.pipelines) this.#pipelineInput(pipeline);
    this.#receivers();
    this.errors.push(...unfedConnectors(this.#plan));
    const assembly: Assembly = {
      plan: this.#plan,
      stage: this.#stage,
      extensions: this.#extensions,
      nodes: this.#nodes,
      made: this.#made,
      wires: this.#wires,
      feeds: this.#feeds(),
    };
    connectMade(assembly);
    return assembly;
  }

  #feeds(): ReadonlyMap<Node, Feed> {
    const points = this.#nodes.flatMap((node) => node.point ?? []);
    return new Map(
      this.#nodes
        .filter((node) => node.id.kind === 'exporter')
        .map((node) => [node, feedOf(node, this.#nodes, this.#downstream, points)]),
    );
  }

  /** The instance that runs, where it is what the plan asks for; else a new one. */
  #take<C extends Component>(
    planned: PlannedComponent,
    pipeline: string | undefined,
    signals: readonly Signal[],
    create: (scope: Scope, next: Outlets) => C,
  ): Node<C> | undefined {
    const key = keyOf(planned.id, pipeline);
    const same = this.#running.find((node) => node.key === key && isSame(node, planned, signals, this.#stage));
    return (same as Node<C> | undefined) ?? this.#make(planned, pipeline, signals, create);
  }

  #make<C extends Component>(
    planned: PlannedComponent,
    pipeline: string | undefined,
    signals: readonly Signal[],
    create: (scope: Scope, next: Outlets) => C,
  ): Node<C> | undefined {
    const { id, entry } = planned;
    const { books, stopwatch, host } = this.#state;
    const account = books.of(id, pipeline);
    let seat: Seat | undefined;
    try {
      seat = this.#stage.seat(id, pipeline, account.ledger.items);
      const node = new Node<C>({ planned, pipeline, signals, seat, account, stopwatch }, create);
      this.#made.add(node);
      host.made?.(node);
      return node;
    } catch (thrown) {
      seat?.leave();
      this.errors.push(buildErrors.create(id, entry.plugin, asError(thrown)));
      return undefined;
    }
  }

  #add(node: Node, targets: ReadonlyMap<Signal, readonly Target[]>): void {
    this.#nodes.push(node);
    for (const [signal, list] of targets) this.#wires.push({ node, signal, targets: list });
    this.#downstream.set(node, new Set([...targets.values()].flat().map((target) => target.node)));
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
    const node = this.#take<Processor>(planned, pipeline.id, [signal], (scope, outlets) =>
      spec.create(planned.config, scope, outlets),
    );
    if (node === undefined) return undefined;
    this.#add(node, new Map([[signal, next]]));
    return this.#target(node, signal, spec.wants, () =>
      'transform' in node.component
        ? transformInput(node as Node<TransformProcessor>, signal)
        : statefulInput(node as Node<StatefulProcessor>, signal),
    );
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
    return this.#target(node, signal, node.component.wants, () => exporterInput(node, signal));
  }

  #exporter(planned: PlannedComponent, spec: ExporterSpec): ExporterNode | undefined {
    const key = String(planned.id);
    if (this.#exporters.has(key)) return this.#exporters.get(key);
    let made: ExporterNode | undefined;
    const upstream = upstreamOf(() => made?.feed, this.#state.host.clock, this.#state.pullTotals);
    const node = this.#take<Exporter>(planned, undefined, [], (scope) => spec.create(planned.config, scope, upstream));
    made = node;
    this.#exporters.set(key, node);
    if (node) this.#add(node, new Map());
    return node;
  }

  #connectorTarget(planned: PlannedComponent, pipeline: PlannedPipeline): Target[] | undefined {
    const { signal } = pipeline;
    const spec = planned.entry.spec as ConnectorSpec;
    if (fedBy(this.#plan, planned.id, spec, signal).length === 0) {
      this.errors.push(buildErrors.connectorUnused(planned.id, 'exporter', [pipeline.id]));
      return undefined;
    }
    const node = this.#connector(planned, spec);
    if (node === undefined) return undefined;
    return this.#target(node, signal, undefined, () => connectorInput(node, signal));
  }

  #connector(planned: PlannedComponent, spec: ConnectorSpec): Node<Connector> | undefined {
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
    const node = this.#take<Connector>(planned, undefined, [...targets.keys()], (scope, next) =>
      spec.create(planned.config, scope, next),
    );
    this.#connectors.set(key, node);
    if (node) this.#add(node, targets);
    return node;
  }

  #receivers(): void {
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
    for (const { planned, targets } of receivers.values()) this.#receiver(planned, targets);
  }

  #receiver(planned: PlannedComponent, targets: ReadonlyMap<Signal, readonly Target[]>): void {
    const spec = planned.entry.spec as ReceiverSpec;
    const node = this.#take<Receiver>(planned, undefined, [...targets.keys()], (scope, next) =>
      spec.create(planned.config, scope, next),
    );
    if (node === undefined) return;
    if (node.component.collect !== undefined) {
      const { host, pullTotals } = this.#state;
      node.point ??= new PullPoint(node, { clock: host.clock, abort: host.abort, totals: pullTotals });
    }
    this.#add(node, targets);
  }

  #target(node: Node, signal: Signal, wants: WantedTemporality | undefined, input: () => Edge): Target[] | undefined {
    try {
      const edge = node.inputs.get(signal) ?? this.#converted(node, signal, wants, input());
      node.inputs.set(signal, edge);
      return [{ node, branch: branchTo(node, signal, edge) }];
    } catch (thrown) {
      this.errors.push(buildErrors.create(node.id, node.plugin, asError(thrown)));
      return undefined;
    }
  }

  /** The history belongs to the component's id: it goes on when another instance takes its place. */
  #converted(node: Node, signal: Signal, wants: WantedTemporality | undefined, input: Edge): Edge {
    if (signal !== 'metrics' || wants === undefined || wants === 'any') return input;
    const { host, histories } = this.#state;
    const key = historyKey(node.key, wants);
    const history = histories.get(key) ?? new History(host.converter(wants));
    histories.set(key, history);
    return convertBefore(history, host.clock, node.ledger, input);
  }
}

/** `exporter/otlp cumulative`. */
export function historyKey(componentKey: string, wants: WantedTemporality): string {
  return `${componentKey} ${wants}`;
}
