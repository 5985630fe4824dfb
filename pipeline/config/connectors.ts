import type { Signal } from '../../pdata/signals.ts';
import type { DefinedComponent } from './components.ts';
import type { CheckedPipeline, Reference } from './pipelines.ts';
import type { ConfigProblem, SpecEntry } from './types.ts';

type Pipelines<E extends SpecEntry> = readonly CheckedPipeline<E>[];

/** Problems of connectors: used on one side only, between signals that they do not connect, or in a circle. */
export function checkConnectors<E extends SpecEntry>(pipelines: Pipelines<E>): readonly ConfigProblem[] {
  return [
    ...checkSide(pipelines, 'exporters', 'receivers'),
    ...checkSide(pipelines, 'receivers', 'exporters'),
    ...checkCycles(pipelines),
  ];
}

type Side = 'receivers' | 'exporters';

/** Each connector that a pipeline names on one side must be named by another pipeline on the other, with a signal that fits. */
function checkSide<E extends SpecEntry>(pipelines: Pipelines<E>, side: Side, other: Side): readonly ConfigProblem[] {
  const lonely = new Map<string, { readonly reference: Reference<E>; readonly ids: string[] }>();
  for (const pipeline of pipelines) {
    for (const reference of connectorsOf(pipeline, side)) {
      const fits = pipelines.some(
        (peer) =>
          connectorsOf(peer, other).some(({ defined }) => defined === reference.defined) &&
          (side === 'exporters'
            ? connects(reference.defined, pipeline.signal, peer.signal)
            : connects(reference.defined, peer.signal, pipeline.signal)),
      );
      if (fits) continue;
      const report = lonely.get(reference.defined.text) ?? { reference, ids: [] };
      report.ids.push(pipeline.id);
      lonely.set(reference.defined.text, report);
    }
  }
  return [...lonely.values()].map(({ reference, ids }) => ({
    path: reference.path,
    message: `connector ${JSON.stringify(reference.defined.text)} used as ${singular(side)} in [${ids.join(', ')}] pipeline but not used in any supported ${singular(other)} pipeline`,
    origin: reference.origin,
  }));
}

function singular(side: Side): string {
  return side === 'receivers' ? 'receiver' : 'exporter';
}

function connectorsOf<E extends SpecEntry>(pipeline: CheckedPipeline<E>, side: Side): readonly Reference<E>[] {
  return pipeline[side].filter(({ kind }) => kind === 'connector');
}

/** A connector whose type is not known is told elsewhere and fits everything. */
function connects<E extends SpecEntry>(defined: DefinedComponent<E>, from: Signal, to: Signal): boolean {
  const pairs = defined.entry?.spec.connects;
  return pairs === undefined || pairs.some((pair) => pair.from === from && pair.to === to);
}

interface Hop<E extends SpecEntry> {
  readonly by: Reference<E>;
  readonly from: CheckedPipeline<E>;
  readonly to: CheckedPipeline<E>;
}

/** One problem for each pipeline from which data would come back to itself; a circle is told once. */
function checkCycles<E extends SpecEntry>(pipelines: Pipelines<E>): readonly ConfigProblem[] {
  const hops = new Map(pipelines.map((pipeline) => [pipeline, hopsFrom(pipeline, pipelines)]));
  const done = new Set<CheckedPipeline<E>>();
  const problems: ConfigProblem[] = [];
  const visit = (pipeline: CheckedPipeline<E>, way: readonly Hop<E>[]): void => {
    const start = way.findIndex(({ from }) => from === pipeline);
    if (start >= 0) {
      problems.push(cycle(way.slice(start)));
      return;
    }
    if (done.has(pipeline)) return;
    for (const hop of hops.get(pipeline) ?? []) visit(hop.to, [...way, hop]);
    done.add(pipeline);
  };
  for (const pipeline of pipelines) visit(pipeline, []);
  return problems;
}

function hopsFrom<E extends SpecEntry>(from: CheckedPipeline<E>, pipelines: Pipelines<E>): readonly Hop<E>[] {
  return connectorsOf(from, 'exporters').flatMap((by) =>
    pipelines
      .filter(
        (to) =>
          connects(by.defined, from.signal, to.signal) &&
          connectorsOf(to, 'receivers').some(({ defined }) => defined === by.defined),
      )
      .map((to) => ({ by, from, to })),
  );
}

function cycle<E extends SpecEntry>(way: readonly Hop<E>[]): ConfigProblem {
  const names = way.map(
    ({ by, from, to }) => `connector ${JSON.stringify(by.defined.text)} (${from.signal} to ${to.signal})`,
  );
  const [first] = way;
  return {
    path: first!.by.path,
    message: `cycle detected: ${[...names, names[0]].join(' -> ')}`,
    origin: first!.by.origin,
  };
}
