import type { Attributes } from 'bpflow/sdk';
import type { Group } from './groups.ts';

/** What series can be told apart by. */
export const LABELS = ['process', 'command', 'cgroup', 'container_id', 'pid'] as const;
export type Label = (typeof LABELS)[number];

/** The attribute of each label, and the label's name on the Prometheus page. */
export const LABEL_ATTRIBUTES: Readonly<Record<Label, string>> = {
  process: 'process.executable.name',
  command: 'process.command',
  cgroup: 'process.linux.cgroup',
  container_id: 'container.id',
  pid: 'process.pid',
};

/** A group's attributes for these labels; what is unknown is left out. */
export function groupAttributes(group: Group, labels: readonly Label[]): Attributes {
  const attributes: Record<string, string | number> = {};
  for (const label of labels) {
    const value = labelValue(group, label);
    if (value !== undefined) attributes[LABEL_ATTRIBUTES[label]] = value;
  }
  return attributes;
}

/** Equal for groups that these labels do not tell apart. */
export function groupKey(group: Group, labels: readonly Label[]): string {
  return JSON.stringify([group.resource.attributes.toObject(), ...labels.map((label) => labelValue(group, label))]);
}

function labelValue(group: Group, label: Label): string | number | undefined {
  switch (label) {
    case 'process':
      return group.process;
    case 'command':
      return group.command || undefined;
    case 'cgroup':
      return group.cgroup;
    case 'container_id':
      return group.containerId;
    case 'pid':
      return group.pid || undefined;
  }
}
