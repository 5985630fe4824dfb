import type { ComponentSpec } from '../../sdk/component.ts';
import type { Problem } from './problems.ts';
import type { ConfiguredComponent, ConfiguredPipeline } from './validate.ts';

type Connector = ConfiguredComponent<{ readonly spec: ComponentSpec }>;
type Pipeline = ConfiguredPipeline<{ readonly spec: ComponentSpec }>;

/** Connectors must be fed and must feed, by signals they connect, and data must not run in circles. */
export function checkTopology(pipelines: readonly Pipeline[]): readonly Problem[] {
  const connectors = new Set(
    pipelines.flatMap(({ receivers, exporters }) =>
      [...receivers, ...exporters].filter(({ id }) => id.kind === 'connector'),
    ),
  );
  const problems = [...connectors].flatMap((connector) => checkEnds(connector, pipelines));
  return problems.length > 0 ? problems : findCycle([...connectors], pipelines);
}

function checkEnds(connector: Connector, pipelines: readonly Pipeline[]): readonly Problem[] {
  const { spec } = connector.entry;
  if (spec.kind !== 'connector') return [];
  const sources = pipelines.filter(({ exporters }) => exporters.includes(connector));
  const targets = pipelines.filter(({ receivers }) => receivers.includes(connector));
  const joined = (from: Pipeline, to: Pipeline) =>
    spec.connects.some((pair) => pair.from === from.signal && pair.to === to.signal);
  const unfed = targets.filter((to) => !sources.some((from) => joined(from, to)));
  const unread = sources.filter((from) => !targets.some((to) => joined(from, to)));
  const complain = (list: readonly Pipeline[], one: string, other: string): readonly Problem[] =>
    list.length === 0
      ? []
      : [
          {
            origin: connector.origin,
            path: 'connectors',
            message: `connector "${connector.id}" used as ${one} in [${list.map(({ id }) => id).join(' ')}] pipeline but not used in any supported ${other} pipeline`,
          },
        ];
  return [...complain(unread, 'exporter', 'receiver'), ...complain(unfed, 'receiver', 'exporter')];
}

function findCycle(connectors: readonly Connector[], pipelines: readonly Pipeline[]): readonly Problem[] {
  const next = (connector: Connector) =>
    pipelines
      .filter(({ receivers }) => receivers.includes(connector))
      .flatMap(({ exporters }) => exporters.filter(({ id }) => id.kind === 'connector'));
  const finished = new Set<Connector>();
  const walk = (connector: Connector, way: readonly Connector[]): readonly Connector[] | undefined => {
    const seen = way.indexOf(connector);
    if (seen >= 0) return [...way.slice(seen), connector];
    if (finished.has(connector)) return undefined;
    for (const following of next(connector)) {
      const cycle = walk(following, [...way, connector]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(connector);
    return undefined;
  };
  for (const connector of connectors) {
    const cycle = walk(connector, []);
    if (cycle === undefined) continue;
    const names = cycle.map(({ id }) => `connector "${id}"`).join(' -> ');
    return [{ origin: connector.origin, path: 'service::pipelines', message: `cycle detected: ${names}` }];
  }
  return [];
}
