import type { Resource } from 'bpflow/sdk';

/** Why an item passes without the names of a pod or container. */
export const REASONS = [
  /** Nothing on it leads to a pod or container: a process of the node itself. */
  'no_association',
  /** It names a pod or container that nobody knew within `hold.timeout`. */
  'not_found',
  /** The same, and there was no room to wait. */
  'hold_full',
  /** The API server could not be asked within `hold.timeout`. */
  'not_synced',
  /** Its pod is left out by `filter` or `exclude`. */
  'excluded',
  /** It was held when the processor stopped. */
  'stopped',
] as const;
export type Reason = (typeof REASONS)[number];

/** What is known of a resource. */
export interface Finding {
  /** The resource with its names; the same object when nothing is added. */
  readonly resource: Resource;
  /** Undefined when it has its names. */
  readonly reason: Reason | undefined;
  /** Whether names may come: worth waiting for. */
  readonly mayCome: boolean;
  /** Names of what the finding depends on, as {@link Finder.changed} tells them. */
  readonly keys: readonly string[];
}

/** Names resources. */
export interface Finder {
  /** `hint`: what is known of the data beside its resource, a peer's address or a cgroup's path; empty for nothing. */
  find(resource: Resource, hint: string): Finding;
}
