import { defineMetric, type MetricDefinition, type MetricState } from 'bpflow/sdk';
import type { Kernel } from '../kernel/kernel.ts';
import type { ObjectName } from '../kernel/objects.ts';
import { declare } from './metric-source.ts';
import { sampledTiming } from './sampling.ts';

/**
 * A metric that the receiver can hand on, and what it stands on. The sources declare their metrics by it, and the plan and the
 * explanation tell it.
 */
export interface MetricFact {
  readonly definition: Omit<MetricDefinition, 'attributes'>;
  /** Its own attributes with their names on the page; labels of groups come on top. */
  readonly own: Readonly<Record<string, string>>;
  /** Keys of the configuration that must all be on; a dot leads into a section. */
  readonly keys: readonly string[];
  /** Roles without which there is none of it. */
  readonly needs: readonly string[];
  /** Roles of which one must be served. */
  readonly oneOf?: readonly string[];
  /** Roles of which one runs for each event; without this, those that it needs all do. */
  readonly perEvent?: readonly string[];
  /** Roles without which it is inexact. */
  readonly exactWith: readonly string[];
  /** Maps that it is read from. */
  readonly maps: readonly FactMap[];
  /** Whether `sample_rate` touches it: one that is timed counts for all of them then. */
  readonly sampled?: boolean;
  /** What is estimated with these programs, in one sentence. */
  estimated?(kernel: Kernel): string | undefined;
  /** How far the kernel's own number may be from the truth on this machine, in one sentence; the name says nothing of it. */
  near?(): string;
}

export interface FactMap {
  readonly object: ObjectName;
  readonly map: string;
  /** Names of the key's words, as in its struct. */
  readonly key: Readonly<Record<string, number>>;
}

/** Keys that are a number alone. */
export const GROUP_WORD = { group: 0 } as const;

/** Whether the programs that are attached can feed it. */
export function isFed(fact: MetricFact, kernel: Kernel): boolean {
  const { needs, oneOf = [] } = fact;
  return (
    needs.every((role) => kernel.serves(role)) && (oneOf.length === 0 || oneOf.some((role) => kernel.serves(role)))
  );
}

/** The metric as it is on this machine. `labels`: attributes of groups with their names on the page. */
export function declareFact(
  fact: MetricFact,
  kernel: Kernel,
  labels: Readonly<Record<string, string>>,
): MetricDefinition {
  const lost = lostOf(fact, kernel);
  const sampled = sampledOf(fact, kernel);
  const { definition: defined, near, own } = fact;
  const exactness = near === undefined ? defined.exactness : { estimated: near() };
  const definition = { ...defined, exactness, attributes: { ...labels, ...own } };
  // Asked for, so the name stays, for who reads it.
  return sampled !== undefined && lost.length === 0
    ? defineMetric({ ...definition, exactness: { estimated: sampled } })
    : declare(definition, [...lost, ...(sampled === undefined ? [] : [sampled])]);
}

/** What became of a metric, and why. */
export interface FactState {
  readonly state: MetricState;
  /** Empty when exact. */
  readonly reason: string;
}

/** What becomes of it with this configuration, and the programs that are attached. */
export function stateOf(fact: MetricFact, config: Readonly<Record<string, unknown>>, kernel: Kernel): FactState {
  const off = offKey(fact, config);
  if (off !== undefined) return { state: 'off', reason: `${off} is off.` };
  if (!isFed(fact, kernel)) return { state: 'absent', reason: whyNotFed(fact, kernel) };
  const lost = [lostOf(fact, kernel), sampledOf(fact, kernel) ?? []].flat();
  if (lost.length > 0) return { state: 'inexact', reason: lost.join(' ') };
  if (fact.near !== undefined) return { state: 'inexact', reason: fact.near() };
  const { exactness } = fact.definition;
  return exactness === 'exact' ? { state: 'exact', reason: '' } : { state: 'inexact', reason: exactness.estimated };
}

/** The first key that switches it off. */
export function offKey(fact: MetricFact, config: Readonly<Record<string, unknown>>): string | undefined {
  return fact.keys.find((key) => {
    let value: unknown = config;
    for (const part of key.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    return value === false;
  });
}

/** Roles that have to do with it. */
export function rolesOf({ needs, oneOf = [], exactWith }: MetricFact): readonly string[] {
  return [...new Set([...needs, ...oneOf, ...exactWith])];
}

function lostOf(fact: MetricFact, kernel: Kernel): readonly string[] {
  const estimated = fact.estimated?.(kernel);
  return [...new Set([...kernel.lostOf(...fact.exactWith), ...(estimated === undefined ? [] : [estimated])])];
}

function sampledOf({ sampled }: MetricFact, kernel: Kernel): string | undefined {
  return sampled ? sampledTiming(kernel.sampleShift) : undefined;
}

function whyNotFed({ needs, oneOf = [] }: MetricFact, kernel: Kernel): string {
  const missing = [...needs, ...oneOf].filter((role) => !kernel.serves(role));
  const reasons = missing.map((role) => {
    const failed = kernel.failuresOf(role).map(({ program, reason }) => `${program}: ${reason}`);
    const [lost] = kernel.lostOf(role);
    return `${lost ?? `The program ${role} is not loaded here.`}${failed.length > 0 ? ` (${failed.join('; ')})` : ''}`;
  });
  return [...new Set(reasons)].join(' ');
}
