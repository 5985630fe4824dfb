import { Buffer } from 'node:buffer';
import {
  type AttributeSet,
  type AttributeValue,
  Double,
  escapeLabelValue,
  isLegacyLabelName,
  prometheusLabelName,
  type Resource,
  type SeriesId,
  type SeriesTable,
} from 'bpflow/sdk';
import type { FamilyDescription } from './naming.ts';
import { byteString } from './text-writer.ts';

/** What decides the labels on the page. */
export interface LabelRules {
  readonly constLabels: readonly (readonly [name: string, value: string])[];
  readonly resourceToTelemetry: boolean;
  readonly withoutScopeInfo: boolean;
  /** Whether a UTF-8 form of the labels is wanted as well. */
  readonly utf8: boolean;
}

/** What stands between the braces, as byte strings. */
export interface LabelText {
  /** For every scraper; it identifies the series in its family. */
  readonly text: string;
  /** For scrapers that read UTF-8, where it differs. */
  readonly utf8: string | undefined;
}

/** Resource attributes worth a label on our own series, by their short names. */
const SHORT_RESOURCE_LABELS: readonly (readonly [key: string, label: string])[] = [
  ['k8s.container.name', 'container'],
  ['container.name', 'container'],
  ['k8s.pod.name', 'pod'],
  ['k8s.namespace.name', 'namespace'],
  ['k8s.node.name', 'node'],
];

/** The labels of a series in a family. */
export function seriesLabels(
  table: SeriesTable,
  id: SeriesId,
  family: FamilyDescription,
  rules: LabelRules,
): LabelText {
  const labels = new LabelCollector();
  const resource = table.resource(id);
  addAttributes(labels, table.attributes(id), family.label);
  if (rules.resourceToTelemetry) addAttributes(labels, resource.attributes, prometheusLabelName, 'replace');
  if (family.seed) {
    for (const [key, label] of SHORT_RESOURCE_LABELS) {
      const value = resource.attributes.get(key);
      if (value !== undefined && !labels.has(label)) labels.attribute(key, label, attributeText(value));
    }
  } else {
    const { job, instance } = targetOf(resource);
    if (!rules.withoutScopeInfo) addScope(labels, table, id);
    if (job !== undefined) labels.fixed('job', job);
    if (instance !== undefined) labels.fixed('instance', instance);
  }
  for (const [name, value] of rules.constLabels) labels.fixed(name, value);
  if (family.type === 'histogram') labels.reserve('le');
  if (family.type === 'summary') labels.reserve('quantile');
  return labels.finish(rules.utf8);
}

/** Job and instance as the Collector derives them from the resource. */
export function targetOf(resource: Resource): { job: string | undefined; instance: string | undefined } {
  const name = resource.attributes.get('service.name');
  const namespace = resource.attributes.get('service.namespace');
  const instance = resource.attributes.get('service.instance.id');
  const job = name === undefined ? undefined : attributeText(name);
  return {
    job: job === undefined || namespace === undefined ? job : `${attributeText(namespace)}/${job}`,
    instance: instance === undefined ? undefined : attributeText(instance),
  };
}

/** Labels of `target_info` for a resource: what is neither job nor instance, and these two. */
export function targetLabels(resource: Resource, utf8: boolean): LabelText {
  const labels = new LabelCollector();
  const { job, instance } = targetOf(resource);
  addAttributes(
    labels,
    resource.attributes.without(['service.name', 'service.namespace', 'service.instance.id']),
    prometheusLabelName,
  );
  if (job !== undefined) labels.fixed('job', job);
  if (instance !== undefined) labels.fixed('instance', instance);
  return labels.finish(utf8);
}

/** An attribute's value as OTLP prints it in a text: strings as they are, bytes in base64, arrays and maps as JSON. */
export function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Double) return String(value.value);
  return typeof value === 'object' ? JSON.stringify(jsonOf(value)) : String(value);
}

function jsonOf(value: AttributeValue): unknown {
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Uint8Array) return attributeText(value);
  if (value instanceof Double) return value.value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, jsonOf(item as AttributeValue)]),
  );
}

function addAttributes(
  labels: LabelCollector,
  attributes: AttributeSet,
  nameOf: (key: string) => string,
  mode: 'join' | 'replace' = 'join',
): void {
  for (const key of new Set(attributes.keys())) {
    const value = attributes.get(key);
    if (value === undefined) continue;
    if (mode === 'replace') labels.forget(key);
    labels.attribute(key, nameOf(key), attributeText(value));
  }
}

function addScope(labels: LabelCollector, table: SeriesTable, id: SeriesId): void {
  const scope = table.scope(id);
  for (const key of new Set(scope.attributes.keys())) {
    const value = scope.attributes.get(key);
    if (value !== undefined)
      labels.fixed(prometheusLabelName(`otel_scope_${key}`), attributeText(value), `otel_scope_${key}`);
  }
  labels.fixed('otel_scope_name', scope.name);
  labels.fixed('otel_scope_version', scope.version);
  labels.fixed('otel_scope_schema_url', scope.schemaUrl);
}

interface Label {
  /** Attribute key, or the name itself for labels that are no attributes. */
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

/**
 * Collects labels so that every name is there once: attributes whose names fall together are joined by `;` in the order
 * of their keys, and an attribute that meets one of the page's own labels gives way as `exported_…`.
 */
class LabelCollector {
  readonly #attributes: Label[] = [];
  readonly #fixed = new Map<string, Label>();
  readonly #reserved = new Set<string>();

  attribute(key: string, name: string, value: string): void {
    this.#attributes.push({ key, name, value });
  }

  has(name: string): boolean {
    return this.#attributes.some((label) => label.name === name);
  }

  forget(key: string): void {
    const index = this.#attributes.findIndex((label) => label.key === key);
    if (index >= 0) this.#attributes.splice(index, 1);
  }

  fixed(name: string, value: string, key = name): void {
    this.#fixed.set(name, { key, name, value });
  }

  /** Keeps a name free that each line of the family adds itself. */
  reserve(name: string): void {
    this.#reserved.add(name);
    this.#fixed.delete(name);
  }

  finish(utf8: boolean): LabelText {
    const byName = new Map<string, Label>(this.#fixed);
    const inOrder = this.#attributes.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    for (const { key, name, value } of inOrder) {
      const free = this.#freeName(name);
      const met = byName.get(free);
      byName.set(free, {
        key: met?.key ?? (free === name ? key : free),
        name: free,
        value: met === undefined ? value : `${met.value};${value}`,
      });
    }
    const labels = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const text = labels.map(({ name, value }) => `${name}="${escapeLabelValue(value)}"`).join(',');
    return { text: byteString(text), utf8: utf8 ? utf8Text(labels, text) : undefined };
  }

  #freeName(name: string): string {
    let free = name;
    while (this.#fixed.has(free) || this.#reserved.has(free)) free = `exported_${free}`;
    return free;
  }
}

function utf8Text(labels: readonly Label[], plain: string): string | undefined {
  const text = labels
    .map(({ key, name, value }) => {
      const shown = isLegacyLabelName(key) || key === '' || key.startsWith('__') ? name : `"${escapeLabelValue(key)}"`;
      return `${shown}="${escapeLabelValue(value)}"`;
    })
    .join(',');
  return text === plain ? undefined : byteString(text);
}
