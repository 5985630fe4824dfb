import type { Attributes } from 'bpflow/sdk';
import { NO_ENDPOINT } from './endpoint.ts';
import { DIRECTIONS } from './enums.ts';
import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import {
  CONTEXT_LABELS,
  type ContextLabel,
  type End,
  endLabel,
  type Identifier,
  identifierOf,
  labelOf,
  needsFlow,
  type WorkloadOf,
} from './labels.ts';
import { PairTable } from './pair-table.ts';

/** Which labels say who talks to whom. */
export interface ContextOptions {
  readonly labels: readonly ContextLabel[];
  /** The first that is not empty becomes the label `source`. */
  readonly source: readonly Identifier[];
  readonly destination: readonly Identifier[];
  /** The same for flows of one direction, in place of the others. */
  readonly source_egress?: readonly Identifier[] | undefined;
  readonly source_ingress?: readonly Identifier[] | undefined;
  readonly destination_egress?: readonly Identifier[] | undefined;
  readonly destination_ingress?: readonly Identifier[] | undefined;
}

/** The context of series that stand for all that found no room. */
export const OVERFLOW_CONTEXT = 0;
/** Pairs of endpoints that are remembered; more are looked up by their labels. */
const MAX_PAIRS = 131_072;

/**
 * Contexts: the values of the labels that say who talks to whom, under numbers. Where only endpoints are asked for, a known
 * pair of endpoints costs one look-up of two integers.
 */
export class Contexts {
  /** Label → attribute key, for definitions: the labels are the keys' last part. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Contexts that found no room, counted at each flow. */
  refused = 0;
  readonly #options: ContextOptions;
  readonly #reader: FlowReader;
  readonly #workloadOf: WorkloadOf;
  readonly #limit: number;
  readonly #keys: readonly string[];
  readonly #byEndpoints: boolean;
  readonly #byDirection: boolean;
  readonly #labels: readonly ContextLabel[];
  readonly #pairs = new PairTable();
  #contextOfPair = new Int32Array(64);
  #byValues = new Map<string, number>();
  #values: (readonly string[])[] = [[]];

  constructor(options: ContextOptions, reader: FlowReader, workloadOf: WorkloadOf, limit: number) {
    this.#options = options;
    this.#reader = reader;
    this.#workloadOf = workloadOf;
    this.#limit = limit;
    this.#labels = CONTEXT_LABELS.filter((label) => options.labels.includes(label));
    const ofDirection = [
      options.source_egress,
      options.source_ingress,
      options.destination_egress,
      options.destination_ingress,
    ];
    const identifiers = [options.source, options.destination, ...ofDirection].flatMap((list) => list ?? []);
    const ends = this.#labels.flatMap((label) => endLabel(label) ?? []);
    this.#byEndpoints = ![...identifiers, ...ends].some(needsFlow) && !this.#labels.includes('node_name');
    this.#byDirection = ofDirection.some(Boolean) || this.#labels.includes('traffic_direction');
    const names = [
      ...this.#labels,
      ...(options.source.length > 0 || options.source_egress || options.source_ingress ? ['source'] : []),
      ...(options.destination.length > 0 || options.destination_egress || options.destination_ingress
        ? ['destination']
        : []),
    ];
    this.#keys = names.map((name) => `hubble.${name}`);
    this.attributes = Object.fromEntries(names.map((name, i) => [this.#keys[i]!, name]));
  }

  get size(): number {
    return this.#values.length;
  }

  /** The context of a flow; `swapped`: of an answer, as its request has it. */
  of(flow: Flow, swapped: boolean): number {
    if (this.#keys.length === 0) return this.#find([]);
    if (!this.#byEndpoints) return this.#find(this.#read(flow, swapped));
    const a = swapped ? flow.destination.id : flow.source.id;
    // Directions share the second number: ids of endpoints stay below 2^29 for as long as anything runs.
    const other = swapped ? flow.source.id : flow.destination.id;
    const b = this.#byDirection ? Math.imul(other, 8) + (flow.direction & 3) + (swapped ? 4 : 0) : other;
    const pair = this.#pairs.find(a, b);
    if (pair >= 0) return this.#contextOfPair[pair]!;
    return this.#remember(a, b, this.#find(this.#read(flow, swapped)));
  }

  /** The values of a context as attributes; empty ones are left out. */
  attributesOf(context: number): Attributes {
    const attributes: Record<string, string> = {};
    if (context === OVERFLOW_CONTEXT) return attributes;
    const values = this.#values[context]!;
    for (const [i, key] of this.#keys.entries()) if (values[i] !== '') attributes[key] = values[i]!;
    return attributes;
  }

  /** Forgets the contexts that are not in use. `moved` is told the new number of each that stays. */
  compact(used: ReadonlySet<number>, moved: (from: number, to: number) => void): void {
    const values: (readonly string[])[] = [[]];
    this.#byValues = new Map();
    for (const [from, own] of this.#values.entries()) {
      if (from === OVERFLOW_CONTEXT || !used.has(from)) continue;
      const to = values.push(own) - 1;
      this.#byValues.set(keyOf(own), to);
      moved(from, to);
    }
    this.#values = values;
    this.#pairs.clear();
  }

  /** Ends of flows may have other names from now on. Series that are there keep theirs. */
  nameAnew(): void {
    this.#pairs.clear();
  }

  #remember(a: number, b: number, context: number): number {
    if (context === OVERFLOW_CONTEXT) return context;
    if (this.#pairs.size >= MAX_PAIRS) this.#pairs.clear();
    const pair = this.#pairs.add(a, b);
    if (pair >= this.#contextOfPair.length) {
      const longer = new Int32Array(pair * 2);
      longer.set(this.#contextOfPair);
      this.#contextOfPair = longer;
    }
    this.#contextOfPair[pair] = context;
    return context;
  }

  #find(values: readonly string[]): number {
    const key = keyOf(values);
    const known = this.#byValues.get(key);
    if (known !== undefined) return known;
    if (this.#values.length >= this.#limit) {
      this.refused++;
      return OVERFLOW_CONTEXT;
    }
    const context = this.#values.push(values) - 1;
    this.#byValues.set(key, context);
    return context;
  }

  /** As Cilium: the labels of the ends are swapped, then the choice by direction, whose result is swapped. */
  #read(flow: Flow, swapped: boolean): string[] {
    const from = this.#end(flow, true);
    const to = this.#end(flow, false);
    const [source, destination] = swapped ? [to, from] : [from, to];
    const values = this.#labels.map((label) => {
      if (label === 'traffic_direction') return DIRECTIONS[flow.direction] ?? 'unknown';
      if (label === 'node_name') return this.#reader.words.text(flow.nodeName);
      const end = label.startsWith('source_') ? source : destination;
      return labelOf(endLabel(label)!, end, this.#workloadOf);
    });
    const own = this.#options;
    const [sourceList, destinationList] =
      flow.direction === 1
        ? [own.source_ingress ?? own.source, own.destination_ingress ?? own.destination]
        : flow.direction === 2
          ? [own.source_egress ?? own.source, own.destination_egress ?? own.destination]
          : [own.source, own.destination];
    const first = this.#first(sourceList, from);
    const second = this.#first(destinationList, to);
    if (this.#keys.includes('hubble.source')) values.push(swapped ? second : first);
    if (this.#keys.includes('hubble.destination')) values.push(swapped ? first : second);
    return values.map((value) => (value.length > MAX_VALUE ? value.slice(0, MAX_VALUE) : value));
  }

  #first(identifiers: readonly Identifier[], end: End): string {
    for (const identifier of identifiers) {
      const value = identifierOf(identifier, end, this.#workloadOf);
      if (value !== '') return value;
    }
    return '';
  }

  #end(flow: Flow, isSource: boolean): End {
    const { words } = this.#reader;
    const name = words.text(isSource ? flow.sourceService : flow.destinationService);
    const namespace = words.text(isSource ? flow.sourceServiceNamespace : flow.destinationServiceNamespace);
    return {
      endpoint: (isSource ? flow.source : flow.destination) ?? NO_ENDPOINT,
      ip: this.#reader.text(isSource ? flow.sourceIp : flow.destinationIp),
      names: this.#reader.names.text(isSource ? flow.sourceNames : flow.destinationNames),
      service: name !== '' && namespace !== '' ? `${namespace}/${name}` : name,
    };
  }
}

/** Characters of a label's value that are kept: identities can have many labels. */
const MAX_VALUE = 1024;

function keyOf(values: readonly string[]): string {
  return values.join('\u0000');
}
