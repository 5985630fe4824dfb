import {
  type AttributeValue,
  attributeMatcher,
  columnValue,
  compileRegexp,
  type LogBatch,
  type LogColumn,
  type Metric,
  type SeriesTable,
  type SpanBatch,
  selectRows,
  textMatcher,
  valueText,
} from 'bpflow/sdk';
import type { RuleConfig } from './rule-config.ts';

/** Which items rules keep. The first rule that matches an item decides; what none matches is kept or dropped. */
export interface RuleFilter {
  readonly log: (batch: LogBatch, row: number) => boolean;
  readonly span: (batch: SpanBatch, row: number) => boolean;
  /** The metric with the series that are kept; undefined when none can be. */
  readonly metric: (metric: Metric) => Metric | undefined;
  /** What rules decided on since the last time. */
  takeCounts(): readonly RuleCount[];
}

/** Items that a rule decided on. */
export interface RuleCount {
  /** Empty for those that no rule matched. */
  readonly rule: string;
  readonly keeps: boolean;
  readonly items: number;
}

/** Undefined without rules. Throws SyntaxError for a bad pattern. */
export function ruleFilter(rules: readonly RuleConfig[], unmatched: 'keep' | 'drop'): RuleFilter | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map(compile);
  const verdicts = [...compiled, { name: '', keeps: unmatched === 'keep' }];
  const counts = new Float64Array(verdicts.length);
  const decide = (rule: number): boolean => {
    counts[rule]!++;
    return verdicts[rule]!.keeps;
  };
  const select = selectors(compiled, decide);
  const verdict = (name: string, severity: number | undefined, get: Get): boolean =>
    decide(firstOf(compiled, (rule) => rule.isNamed(name) && rule.isSevere(severity) && rule.matches(get)));
  return {
    log: (batch, row) =>
      verdict(batch.eventName.words[batch.eventName.codes[row]!]!, batch.severity[row]!, rowGetter(batch, row)),
    span: (batch, row) => verdict(batch.name.words[batch.name.codes[row]!]!, undefined, rowGetter(batch, row)),
    metric: (metric) => select(metric),
    takeCounts() {
      const taken = verdicts.flatMap(({ name, keeps }, rule) =>
        counts[rule] === 0 ? [] : [{ rule: name, keeps, items: counts[rule]! }],
      );
      counts.fill(0);
      return taken;
    },
  };
}

/** The index of the first rule that passes; their number when none does. */
function firstOf(rules: readonly Compiled[], passes: (rule: Compiled, index: number) => boolean): number {
  const found = rules.findIndex(passes);
  return found < 0 ? rules.length : found;
}

type Get = (key: string) => AttributeValue | undefined;

interface Compiled {
  readonly name: string;
  readonly keeps: boolean;
  readonly isNamed: (name: string) => boolean;
  readonly isSevere: (severity: number | undefined) => boolean;
  readonly matches: (get: Get) => boolean;
}

function compile(rule: RuleConfig): Compiled {
  const tests = [
    anyText(NAMESPACE, rule.namespaces),
    anyText(CONTAINER, rule.containers),
    anyText(PROCESS, rule.processes),
    rule.process_regex === undefined ? undefined : anyOf(PROCESS, matcherOf(rule.process_regex)),
    rule.ports.length === 0 ? undefined : anyOf(PORT, inSet(new Set(rule.ports.map(String)))),
    anyText(
      PROTOCOL,
      rule.protocols.map((protocol) => protocol.toLowerCase()),
      (text) => text.toLowerCase(),
    ),
    rule.attributes.length === 0 ? undefined : attributeMatcher(rule.attributes.map(asGlob), 'glob'),
  ].filter((test) => test !== undefined);
  const minSeverity = rule.min_severity ?? 0;
  return {
    name: rule.name,
    keeps: rule.action === 'keep',
    isNamed: rule.names.length === 0 ? () => true : textMatcher(rule.names, 'glob'),
    isSevere: (severity) => severity === undefined || severity >= minSeverity,
    matches: (get) => tests.every((test) => test(get)),
  };
}

/** The first that an item or its resource has counts. */
const NAMESPACE = ['k8s.namespace.name'];
const CONTAINER = ['k8s.container.name', 'container.name'];
const PROCESS = ['process.executable.name', 'process.command'];
const PORT = ['destination.port', 'server.port', 'network.peer.port'];
const PROTOCOL = ['network.transport', 'network.protocol.name'];

type Test = (text: string) => boolean;

function anyText(keys: readonly string[], globs: readonly string[], normal = (text: string) => text) {
  if (globs.length === 0) return undefined;
  const matches = textMatcher(globs, 'glob');
  return anyOf(keys, (text) => matches(normal(text)));
}

function anyOf(keys: readonly string[], test: Test): (get: Get) => boolean {
  return (get) =>
    keys.some((key) => {
      const value = get(key);
      return value !== undefined && test(valueText(value));
    });
}

function matcherOf(pattern: string): Test {
  const expression = compileRegexp(pattern);
  return (text) => expression.test(text);
}

function inSet(texts: ReadonlySet<string>): Test {
  return (text) => texts.has(text);
}

/** Patterns are compared with texts. */
function asGlob({ key, value }: RuleConfig['attributes'][number]): RuleConfig['attributes'][number] {
  return value === undefined || value === null ? { key } : { key, value: valueText(value) };
}

/** Of the item, or else of its resource. */
function rowGetter(batch: LogBatch | SpanBatch, row: number): Get {
  const columns: ReadonlyMap<string, LogColumn> = batch.attributes;
  const resource = batch.resources[batch.resource[row]!]!;
  return (key) => {
    const column = columns.get(key);
    return (column && columnValue(column, row)) ?? resource.attributes.get(key);
  };
}

/** For each set of rules that a metric's name leaves, which of them decides on a series, found once for each. */
function selectors(
  rules: readonly Compiled[],
  decide: (rule: number) => boolean,
): (metric: Metric) => Metric | undefined {
  const known = new Map<string, WeakMap<SeriesTable, Uint32Array>>();
  return (metric) => {
    const { series, points } = metric;
    const named = rules.map((rule) => rule.isNamed(metric.name));
    const key = named.map(Number).join('');
    let byTable = known.get(key);
    if (byTable === undefined) {
      if (known.size >= MAX_SELECTORS) known.clear();
      byTable = new WeakMap();
      known.set(key, byTable);
    }
    const found = rulesFor(byTable, series);
    const kept = new Uint32Array(points.length);
    let count = 0;
    for (let row = 0; row < points.length; row++) {
      const id = points.ids[row]!;
      if (found[id] === 0) {
        const attributes = series.attributes(id);
        const resource = series.resource(id);
        const get: Get = (name) => attributes.get(name) ?? resource.attributes.get(name);
        found[id] = firstOf(rules, (rule, index) => named[index]! && rule.matches(get)) + 1;
      }
      if (decide(found[id]! - 1)) kept[count++] = row;
    }
    if (count === points.length) return metric;
    return count === 0 ? undefined : selectRows(metric, kept.subarray(0, count));
  };
}

/** By series id, the index of its rule plus one; 0 where it was not looked for. */
function rulesFor(byTable: WeakMap<SeriesTable, Uint32Array>, table: SeriesTable): Uint32Array {
  let found = byTable.get(table);
  if (found === undefined || found.length < table.size) {
    const longer = new Uint32Array(Math.max(16, table.size + (table.size >> 1)));
    if (found !== undefined) longer.set(found);
    found = longer;
    byTable.set(table, found);
  }
  return found;
}

const MAX_SELECTORS = 64;
