import type { Shape } from './shapes.ts';

/** What the API calls a kind of objects. */
export interface Resource {
  /** Plural, as in a rule of RBAC. */
  readonly name: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Undefined: all namespaces, or an object of none. */
  readonly namespace?: string | undefined;
  /** Which fields are read; undefined: the metadata only. */
  readonly shape?: Shape;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export function pathOf({ name, group, version, namespace }: Resource): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined ? `${base}/${name}` : `${base}/namespaces/${encodeURIComponent(namespace)}/${name}`;
}

export function selectorsOf({ fieldSelector, labelSelector }: Resource): Readonly<Record<string, string>> {
  return { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
}

/** The rule of a Role or ClusterRole that allows this, as one line of YAML. */
export function ruleFor({ name, group, namespace }: Resource, verbs: readonly string[]): string {
  const kind = namespace === undefined ? 'ClusterRole' : `Role in namespace ${namespace}`;
  return `Add to its ${kind}: { apiGroups: ["${group}"], resources: ["${name}"], verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}] }.`;
}
