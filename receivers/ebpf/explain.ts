import {
  type AttributeSet,
  type Attributes,
  type ExplainedSeries,
  type ExplainQuery,
  type Explanation,
  type MetricDefinition,
  prometheusLabelName,
} from 'bpflow/sdk';
import type { Collection } from './collection.ts';
import type { Config } from './config.ts';
import { FACTS } from './facts.ts';
import { processFilter } from './filters/process-filter.ts';
import { type Counters, markedCounter, type ReadEntry } from './series/counters.ts';
import type { Group } from './series/groups.ts';
import { type FactMap, type MetricFact, offKey, rolesOf, stateOf } from './series/metric-fact.ts';
import { inexactSeedName } from './series/metric-source.ts';
import type { PendingMetric } from './series/pending.ts';
import type { SeriesIdentity } from './series/series.ts';

type Fact = readonly [name: string, text: string];

/** Series that are told at most. */
const MOST_SERIES = 10;
/** Keys of the kernel that are told of each series at most. */
const MOST_KEYS = 8;

/** Where a metric's series come from: hooks, keys of maps, what the CPUs counted, and what was handed on; or why there are none. */
export function explainMetric(collection: Collection | undefined, config: Config, query: ExplainQuery): Explanation {
  const fact = FACTS.find((each) => isCalled(each, query.metric));
  if (fact === undefined) return explainDescribed(collection, query);
  const head: Fact = ['metric', namesOf(fact.definition)];
  const names = [fact.definition.name, fact.definition.seedName];
  if (collection === undefined) {
    const off = offKey(fact, config);
    const reason = off === undefined ? 'The kernel cannot be observed here; the health says why.' : `${off} is off.`;
    return { known: true, reason, names, facts: [head], series: [], more: 0 };
  }
  const { state, reason } = stateOf(fact, config, collection.kernel);
  const facts = [head, ...hookFacts(fact, collection), ...mapFacts(fact, collection)];
  const metric = metricOf(fact, collection);
  if (metric !== undefined) names.push(metric.definition.name, metric.definition.seedName);
  if (state === 'off' || state === 'absent' || metric === undefined) {
    return { known: true, reason: reason || 'It is not collected here.', names, facts: [head], series: [], more: 0 };
  }
  const found = matching(metric, query.labels);
  const series = seriesOf(fact, metric, found.slice(0, MOST_SERIES), collection);
  const why = found.length > 0 ? reason : whyNone(query, config, reason);
  return { known: true, reason: why, names, facts, series, more: found.length - series.length };
}

/** A metric of the user's own programs. */
function explainDescribed(collection: Collection | undefined, query: ExplainQuery): Explanation {
  const found = collection?.described.metrics.find(({ metric }) => isCalled(metric, query.metric));
  if (collection === undefined || found === undefined) {
    return { known: false, reason: '', names: [], facts: [], series: [], more: 0 };
  }
  const { metric, map, object } = found;
  const { definition } = metric;
  const facts: Fact[] = [
    ['metric', namesOf(definition)],
    ['description', object.path],
    ...object.programs.map(({ name, hook, program }): Fact => ['hook', `${hook}, program ${name}, id ${program.id}`]),
    ['map', `${map.name}, ${map.type}, ${map.maxEntries} entries, id ${map.id}`],
  ];
  const pending = metricOf(metric, collection)!;
  const all = matching(pending, query.labels);
  const series = all.slice(0, MOST_SERIES).map(
    ([number, { attributes }]): ExplainedSeries => ({
      series: printed(definition, attributes),
      facts: [valueFact(pending, number)],
    }),
  );
  const names = [definition.name, definition.seedName];
  const why = all.length > 0 ? '' : 'Nothing that matches is in the map.';
  const reason = definition.exactness === 'exact' ? why : `${definition.exactness.estimated} ${why}`.trim();
  return { known: true, reason, names, facts, series, more: all.length - series.length };
}

function valueFact(metric: PendingMetric, series: number): Fact {
  const { waiting, last } = metric.state(series);
  if (metric.definition.kind === 'gauge') return ['value', String(last)];
  return ['last delta', `${last} handed on, ${waiting} to come`];
}

/** By any of its names, with what pages add for histograms and counters. */
function isCalled({ definition: { name, seedName } }: Pick<MetricFact, 'definition'>, asked: string): boolean {
  const names = [name, seedName, `${name}.inexact`, inexactSeedName(seedName)];
  return names.some((each) =>
    [each, `${each}_bucket`, `${each}_sum`, `${each}_count`, `${each}_total`].includes(asked),
  );
}

function namesOf({ name, seedName, kind, unit, otelUnit = unit }: MetricFact['definition']): string {
  return `${name} (${kind}, ${otelUnit}); ${seedName} on the page; counted in ${unit}`;
}

function hookFacts(fact: MetricFact, { kernel }: Collection): Fact[] {
  const served = rolesOf(fact).flatMap((name) => kernel.servedAs(name));
  return served.flatMap(({ role, program, below }): Fact[] => {
    if (program === undefined) return [['not attached', `${role.name}: ${role.without}`]];
    const then = below.length > 0 ? `; then ${below.join(', ')}` : '';
    return [['hook', `${kernel.hookOf(program)}, program ${program}, id ${kernel.attached.get(program)?.id}${then}`]];
  });
}

function mapFacts({ maps }: MetricFact, { kernel }: Collection): Fact[] {
  return maps.flatMap(({ object, map: name }): Fact[] => {
    const map = kernel.map(object, name);
    return map === undefined ? [] : [['map', `${name}, ${map.type}, ${map.maxEntries} entries, id ${map.id}`]];
  });
}

function metricOf({ definition }: Pick<MetricFact, 'definition'>, { sources }: Collection): PendingMetric | undefined {
  const isIt = ({ name }: MetricDefinition) => name === definition.name || name === `${definition.name}.inexact`;
  return sources.flatMap(({ metrics }) => metrics).find((metric) => isIt(metric.definition));
}

type Numbered = readonly [number: number, identity: SeriesIdentity];

function matching({ series, definition }: PendingMetric, wanted: ExplainQuery['labels']): readonly Numbered[] {
  return series.identities().filter(([, identity]) => {
    const labels = labelsOf(identity, definition);
    return Object.entries(wanted).every(([label, value]) => labels.get(label) === value);
  });
}

/** Every name that a value of the series can be asked by. */
function labelsOf({ attributes, resource }: SeriesIdentity, definition: MetricDefinition): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const set of [resource.attributes, attributes]) {
    for (const [attribute, value] of Object.entries(set.toObject())) {
      for (const name of [attribute, prometheusLabelName(attribute), definition.attributes[attribute]]) {
        if (name !== undefined) labels.set(name, String(value));
      }
    }
  }
  return labels;
}

function whyNone({ labels }: ExplainQuery, config: Config, reason: string): string {
  const process = labels['process'] ?? labels['process.executable.name'];
  const counts = processFilter(config.process_filter, config.exclude_processes);
  const why =
    process !== undefined && !counts(process)
      ? `The process ${process} is left out by process_filter or exclude_processes.`
      : 'Nothing that matches was counted since the start. The agent itself is never counted.';
  return [reason, why].filter((text) => text !== '').join(' ');
}

interface Contribution {
  readonly entry: ReadEntry;
  /** Counter of the map's value, and what it is multiplied by; undefined: the whole value is a histogram. */
  readonly part: { readonly counter: number; readonly unit: number } | undefined;
}

function seriesOf(
  fact: MetricFact,
  metric: PendingMetric,
  found: readonly Numbered[],
  collection: Collection,
): readonly ExplainedSeries[] {
  const contributions = contributionsOf(metric, new Set(found.map(([number]) => number)), collection);
  return found.map(([number, identity]): ExplainedSeries => {
    const keys = contributions.get(number) ?? [];
    const gate = metric.series.gate(number);
    return {
      series: printed(metric.definition, identity.attributes),
      facts: [
        ...resourceFacts(identity.resource.attributes.toObject()),
        ...keys.slice(0, MOST_KEYS).flatMap((each) => keyFacts(each, fact, collection)),
        ...(keys.length > MOST_KEYS ? [['key', `… and ${keys.length - MOST_KEYS} more`] as const] : []),
        valueFact(metric, number),
        ...(gate === 'open' ? [] : [['filter', `${gate}: it is about a container whose name decides`] as const]),
      ],
    };
  });
}

/** Lets the sources visit their keys once more, and looks what would be added to these series. */
function contributionsOf(
  metric: PendingMetric,
  wanted: ReadonlySet<number>,
  { sources, groups }: Collection,
): ReadonlyMap<number, readonly Contribution[]> {
  const found = new Map<number, Contribution[]>();
  const source = sources.find(({ metrics }) => metrics.includes(metric))!;
  let entry: ReadEntry | undefined;
  for (const each of source.metrics) each.watcher = () => {};
  metric.watcher = (series, value) => {
    if (entry === undefined || !wanted.has(series)) return;
    const part = typeof value === 'number' ? markedCounter(value) : undefined;
    found.set(series, [...(found.get(series) ?? []), { entry, part }]);
  };
  try {
    groups.looking(() => {
      for (const counters of source.counters ?? []) counters.replay((next) => (entry = next));
    });
  } finally {
    for (const each of source.metrics) each.watcher = undefined;
  }
  return found;
}

function keyFacts({ entry, part }: Contribution, { maps }: MetricFact, { groups }: Collection) {
  const { counters, key, value } = entry;
  const { map, cpus, cpuWords } = counters.buffer;
  const words = maps.find(({ map: name }) => name === map.name)?.key ?? {};
  const perCpu = (values: Uint32Array) =>
    Array.from({ length: cpus }, (_, cpu) => amountOf(values, cpu * cpuWords, counters, part));
  const now = new Uint32Array(value.length);
  const isThere = map.lookup(new Uint8Array(key.buffer), new Uint8Array(now.buffer));
  const read = perCpu(value);
  const present = isThere ? perCpu(now) : undefined;
  return [
    ['key', `${map.name} {${keyText(key, words)}}${groupText(key, words, (id) => groups.get(id))}`],
    ['raw by CPU', present === undefined ? 'gone from the map' : `${present.join(' + ')} = ${sum(present)} now`],
    ['read', `${sum(read)} at the last collection${present ? `, ${sum(present) - sum(read)} since` : ''}`],
  ] as const;
}

/** One CPU's number: a counter times its unit, or a histogram's count. */
function amountOf(values: Uint32Array, at: number, counters: Counters, part: Contribution['part']): bigint {
  const word = (counter: number) => BigInt(values[at + counter * 2]!) + (BigInt(values[at + counter * 2 + 1]!) << 32n);
  if (part !== undefined) return word(part.counter) * BigInt(part.unit);
  let count = 0n;
  for (let counter = HISTOGRAM_SUM + 1; counter < counters.deltas.length; counter++) count += word(counter);
  return count;
}

/** A histogram begins with the sum of what was measured; what follows are counts. */
const HISTOGRAM_SUM = 0;

function keyText(key: Uint32Array, words: FactMap['key']): string {
  const named = Object.entries(words).map(([name, word]) => `${name}: ${key[word]}`);
  return named.length > 0 ? named.join(', ') : key.join(', ');
}

function groupText(key: Uint32Array, words: FactMap['key'], groupOf: (id: number) => Group): string {
  const word = words['group'];
  if (word === undefined) return '';
  const { process, cgroup } = groupOf(key[word]!);
  return `, group ${key[word]} is ${process}${cgroup === undefined ? '' : ` in ${cgroup}`}`;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

function resourceFacts(attributes: Attributes): Fact[] {
  return Object.entries(attributes).map(([name, value]) => [name, String(value)] as const);
}

function printed({ seedName, attributes: labels }: MetricDefinition, attributes: AttributeSet): string {
  const pairs = Object.entries(attributes.toObject()).map(
    ([attribute, value]) => `${labels[attribute] ?? prometheusLabelName(attribute)}=${JSON.stringify(String(value))}`,
  );
  return pairs.length === 0 ? seedName : `${seedName}{${pairs.join(',')}}`;
}
