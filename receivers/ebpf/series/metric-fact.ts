import { defineMetric, type MetricDefinition, type MetricState } from 'bpflow/sdk';
import type { Kernel } from '../kernel/kernel.ts';
import type { ObjectName } from '../kernel/parts.ts';
import { declare } from './metric-source.ts';

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
  /** What is estimated with these programs, in one sentence. */
  estimated?(kernel: Kernel): string | undefined;
  /**
   * What is estimated because the kernel's own number is, or because the configuration asks for it, in one sentence: the name stays,
   * for who reads it.
   */
  near?(kernel: Kernel): string | undefined;
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
  const near = fact.near?.(kernel);
  const definition = { ...fact.definition, attributes: { ...labels, ...fact.own } };
  return near !== undefined && lost.length === 0
    ? defineMetric({ ...definition, exactness: { estimated: near } })
    : declare(definition, [...lost, ...(near === undefined ? [] : [near])]);
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
  const lost = [lostOf(fact, kernel), fact.near?.(kernel) ?? []].flat();
  if (lost.length > 0) return { state: 'inexact', reason: lost.join(' ') };
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

function whyNotFed({ needs, oneOf = [] }: MetricFact, kernel: Kernel): string {
  const missing = [...needs, ...oneOf].filter((role) => !kernel.serves(role));
  const reasons = missing.map((role) => {
    const failed = kernel.failuresOf(role).map(({ program, reason }) => `${program}: ${reason}`);
    const [lost] = kernel.lostOf(role);
    return `${lost ?? `The program ${role} is not loaded here.`}${failed.length > 0 ? ` (${failed.join('; ')})` : ''}`;
  });
  return [...new Set(reasons)].join(' ');
}
