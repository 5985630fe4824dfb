import {
  type AttributeValue,
  attributeMatcher,
  columnValue,
  compileRegexp,
  type LogBatch,
  type LogColumn,
  type Metric,
  type Resource,
  type SpanBatch,
  seriesSelector,
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
}

/** Undefined without rules. Throws SyntaxError for a bad pattern. */
export function ruleFilter(rules: readonly RuleConfig[], unmatched: 'keep' | 'drop'): RuleFilter | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map(compile);
  const keepsUnmatched = unmatched === 'keep';
  const select = selectors(compiled, keepsUnmatched);
  const verdict = (name: string, severity: number | undefined, get: Get): boolean =>
    compiled.find((rule) => rule.isNamed(name) && rule.isSevere(severity) && rule.matches(get))?.keeps ??
    keepsUnmatched;
  return {
    log: (batch, row) =>
      verdict(batch.eventName.words[batch.eventName.codes[row]!]!, batch.severity[row]!, rowGetter(batch, row)),
    span: (batch, row) => verdict(batch.name.words[batch.name.codes[row]!]!, undefined, rowGetter(batch, row)),
    metric: (metric) => select(metric),
  };
}

type Get = (key: string) => AttributeValue | undefined;

interface Compiled {
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

/** A selector of series for each set of rules that a metric's name leaves, so that its verdicts are found once a series. */
function selectors(rules: readonly Compiled[], keepsUnmatched: boolean): (metric: Metric) => Metric | undefined {
  const known = new Map<string, ReturnType<typeof seriesSelector>>();
  return (metric) => {
    const named = rules.filter((rule) => rule.isNamed(metric.name));
    const key = rules.map((rule) => (named.includes(rule) ? '1' : '0')).join('');
    let select = known.get(key);
    if (select === undefined) {
      select = seriesSelector((attributes, resource: Resource) => {
        const get: Get = (name) => attributes.get(name) ?? resource.attributes.get(name);
        return named.find((rule) => rule.matches(get))?.keeps ?? keepsUnmatched;
      });
      if (known.size >= MAX_SELECTORS) known.clear();
      known.set(key, select);
    }
    const kept = select(metric);
    return kept.points.length === 0 && metric.points.length > 0 ? undefined : kept;
  };
}

const MAX_SELECTORS = 64;
