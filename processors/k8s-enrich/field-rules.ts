import type { Kubernetes, ObjectFacts } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { compileKey, type ObjectKind } from './field-rules-config.ts';

/** A rule of `extract.labels` or `extract.annotations`. */
export interface FieldRule {
  readonly what: 'labels' | 'annotations';
  readonly tag_name: string;
  readonly key: string;
  readonly key_regex: string;
  readonly from: ObjectKind;
}

/** Labels and annotations of whatever data belongs to; undefined where that is not known. */
export type Fields = (from: ObjectKind) => Pick<ObjectFacts, 'labels' | 'annotations'> | undefined;

/** Asks for what a pod belongs to. */
export type ObjectLookup = Kubernetes['object'];

/** Attributes made of labels and annotations. */
export function fieldAttributes(
  rules: readonly FieldRule[],
  fieldsOf: Fields,
  names: K8sEnrichConfig['attribute_names'],
): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const rule of rules) {
    const fields = fieldsOf(rule.from)?.[rule.what] ?? {};
    if (rule.key !== '') {
      if (Object.hasOwn(fields, rule.key)) attributes[nameOf(rule, rule.key, undefined, names)] = fields[rule.key]!;
      continue;
    }
    const expression = compileKey(rule.key_regex)!;
    for (const [key, value] of Object.entries(fields)) {
      const match = expression.exec(key);
      if (match !== null && value !== '') attributes[nameOf(rule, key, match, names)] = value;
    }
  }
  return attributes;
}

function nameOf(
  { tag_name, from, what }: FieldRule,
  key: string,
  match: RegExpExecArray | undefined,
  names: K8sEnrichConfig['attribute_names'],
): string {
  // Without a group the Collector takes the default name: several keys would have one.
  if (tag_name === '' || match?.length === 1)
    return `k8s.${from}.${isPlural(from, names) ? what : what.slice(0, -1)}.${key}`;
  return match === undefined ? tag_name : expanded(tag_name, match);
}

/** Those of workloads came later, and have the names of the conventions in any case. */
function isPlural(from: ObjectKind, names: K8sEnrichConfig['attribute_names']): boolean {
  return names === 'v0' && (from === 'pod' || from === 'namespace' || from === 'node');
}

/** `$1`, `${1}`, `${name}`, `$$` as in Go's `Regexp.Expand`; what is not captured is empty. */
function expanded(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return '$';
    const value = /^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name];
    return value ?? '';
  });
}
