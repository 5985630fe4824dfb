import { parser } from '@prometheus-io/lezer-promql';
import { TARGET_LABELS } from './promql.ts';
import type { KnownMetric, Registry } from './registry.ts';

type Node = ReturnType<typeof parser.parse>['topNode'];

/** The part of a dashboard's JSON that is looked at. */
export interface DashboardJson {
  readonly title?: string;
  readonly schemaVersion?: number;
  readonly templating?: { readonly list: readonly VariableJson[] };
  readonly panels?: readonly PanelJson[];
}

interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly panels?: readonly PanelJson[];
}

/** Everything that is wrong with a dashboard, one sentence each: what it asks for that nobody has, and what Grafana would stumble over. */
export function problemsOf(dashboard: DashboardJson, registry: Registry): readonly string[] {
  const variables = dashboard.templating?.list ?? [];
  const names = new Set(variables.map(({ name }) => name));
  const panels = allPanels(dashboard);
  return [
    ...(dashboard.schemaVersion === undefined ? ['There is no schemaVersion.'] : []),
    ...(variables.some(({ name, type }) => name === 'datasource' && type === 'datasource')
      ? []
      : ['There is no variable for the data source.']),
    ...variables.flatMap((variable) => variableProblems(variable, registry)),
    ...panels.flatMap((panel) => panelProblems(panel, registry, names)),
    ...placeProblems(panels),
  ];
}

/** The metrics that a dashboard asks for, by their names in the registry. */
export function metricsIn(dashboard: DashboardJson, registry: Registry): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { targets = [] } of allPanels(dashboard)) {
    for (const { expr } of targets) {
      const text = withoutVariables(expr, new Set()).text;
      walk(parser.parse(text).topNode, (node) => {
        if (node.name !== 'VectorSelector') return;
        const found = lookUp(nameOf(node, text), registry);
        if (found !== undefined) names.add(found.metric.name);
      });
    }
  }
  return names;
}

function allPanels({ panels = [] }: Pick<DashboardJson, 'panels'>): readonly PanelJson[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

function variableProblems({ name, type, query }: VariableJson, registry: Registry): readonly string[] {
  if (type !== 'query') return [];
  const text = typeof query === 'string' ? query : query.query;
  const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(text) ?? [];
  const found = lookUp(metric, registry);
  if (found === undefined) return [`Variable ${name}: there is no metric ${metric || text}.`];
  return hasLabel(found, label) ? [] : [`Variable ${name}: ${metric} has no label ${label}.`];
}

function panelProblems(panel: PanelJson, registry: Registry, variables: ReadonlySet<string>): readonly string[] {
  if (panel.type === 'row') return [];
  const { title, targets = [], description = '', datasource, fieldConfig } = panel;
  const problems = [
    ...(targets.length === 0 ? ['asks for nothing.'] : []),
    ...(/^[A-Z].*\.$/s.test(description) ? [] : ['has no description.']),
    ...(datasource?.uid === '${datasource}' ? [] : ['has a data source of its own.']),
    ...(fieldConfig?.defaults.unit === undefined ? ['has no unit.'] : []),
    ...targets.flatMap(({ expr, legendFormat = '' }) => queryProblems(expr, legendFormat, registry, variables)),
  ];
  return problems.map((problem) => `Panel "${title}" ${problem}`);
}

interface Found {
  readonly metric: KnownMetric;
  /** What is asked for of a histogram. */
  readonly part: 'bucket' | 'sum' | 'count' | undefined;
}

function lookUp(name: string, registry: Registry): Found | undefined {
  const whole = registry.get(name);
  if (whole !== undefined) return { metric: whole, part: undefined };
  const [, base = '', part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const metric = registry.get(base);
  return metric?.kind === 'histogram' ? { metric, part: part as Found['part'] } : undefined;
}

function hasLabel({ metric, part }: Found, label: string): boolean {
  return metric.labels.has(label) || TARGET_LABELS.has(label) || (label === 'le' && part === 'bucket');
}

const RATES: ReadonlySet<string> = new Set(['rate', 'irate', 'increase', 'resets']);

function queryProblems(
  expression: string,
  legend: string,
  registry: Registry,
  variables: ReadonlySet<string>,
): readonly string[] {
  const { text, unknown } = withoutVariables(expression, variables);
  const problems = unknown.map((name) => `uses the variable ${name}, which there is not.`);
  const root = parser.parse(text).topNode;
  const textOf = (node: Node): string => text.slice(node.from, node.to);
  let isQuery = true;
  walk(root, (node) => {
    if (node.type.isError) isQuery = false;
  });
  if (!isQuery) return [...problems, `has no valid query: ${expression}`];
  let outermost: ReadonlySet<string> | undefined;
  walk(root, (node) => {
    if (node.name === 'VectorSelector') problems.push(...selectorProblems(node, text, registry));
    if (node.name !== 'GroupingLabels') return;
    const labels = node.getChildren('LabelName').map(textOf);
    // Below the modifier of an aggregation, or of an operator.
    const scope = node.parent!.parent!;
    for (const label of labels) {
      for (const name of lackingLabel(scope, label, text, registry))
        problems.push(`groups ${name} by ${label}, which it has not.`);
    }
    outermost ??= new Set(labels);
  });
  for (const [, label = ''] of legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)) {
    if (outermost !== undefined && !outermost.has(label))
      problems.push(`shows ${label} in its legend, by which nothing is grouped.`);
  }
  return problems;
}

function selectorProblems(node: Node, text: string, registry: Registry): readonly string[] {
  const name = nameOf(node, text);
  const found = lookUp(name, registry);
  if (found === undefined) return [`asks for ${name || 'a metric without a name'}, which nobody has.`];
  const { metric, part } = found;
  const problems: string[] = [];
  walk(node, (inner) => {
    if (inner.name !== 'LabelName') return;
    const label = text.slice(inner.from, inner.to);
    if (!hasLabel(found, label)) problems.push(`asks for ${name} by ${label}, which it has not.`);
  });
  if (metric.kind === 'histogram' && part === undefined)
    problems.push(`asks for the histogram ${name} without a suffix.`);
  const rated = isRated(node, text);
  const grows = metric.kind === 'counter' || metric.kind === 'histogram';
  if (grows && !rated) problems.push(`shows ${name}, which only grows, without a rate.`);
  if (!grows && rated) problems.push(`takes a rate of ${name}, which is a gauge.`);
  return problems;
}

function isRated(node: Node, text: string): boolean {
  const range = node.parent;
  const call = range?.name === 'MatrixSelector' ? range.parent?.parent : undefined;
  const called = call?.getChild('FunctionIdentifier');
  return called !== null && called !== undefined && RATES.has(text.slice(called.from, called.to));
}

/** Names of the metrics below a node that lack a label. */
function lackingLabel(scope: Node, label: string, text: string, registry: Registry): readonly string[] {
  const names: string[] = [];
  walk(scope, (node) => {
    if (node.name !== 'VectorSelector') return;
    const found = lookUp(nameOf(node, text), registry);
    if (found !== undefined && !hasLabel(found, label)) names.push(found.metric.name);
  });
  return names;
}

function nameOf(selector: Node, text: string): string {
  const name = selector.getChild('Identifier');
  return name === null ? '' : text.slice(name.from, name.to);
}

/** The query as Grafana would send it. */
function withoutVariables(
  expression: string,
  variables: ReadonlySet<string>,
): { readonly text: string; readonly unknown: readonly string[] } {
  const unknown: string[] = [];
  const text = expression.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    if (/^__(rate_interval|interval|range)$/.test(name)) return '5m';
    if (!variables.has(name)) unknown.push(name);
    return 'x';
  });
  return { text, unknown };
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (let child = node.firstChild; child !== null; child = child.nextSibling) walk(child, visit);
}

function placeProblems(panels: readonly PanelJson[]): readonly string[] {
  const problems: string[] = [];
  const ids = new Set<number>();
  for (const [i, { id, title, gridPos: a }] of panels.entries()) {
    if (ids.has(id)) problems.push(`Panel "${title}" has the id of another.`);
    ids.add(id);
    if (a.x + a.w > 24) problems.push(`Panel "${title}" is wider than the page.`);
    for (const { title: other, gridPos: b } of panels.slice(i + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      if (!apart) problems.push(`Panel "${title}" lies over "${other}".`);
    }
  }
  return problems;
}
