import { createHash } from 'node:crypto';
import {
  compileActions,
  editAttributes,
  mapMetrics,
  mapResources,
  type Resource,
  seriesMapper,
  type TransformProcessor,
  withResourceAttributes,
} from 'bpflow/sdk';
import type { ResourceConfig } from './config.ts';

/** Edits each resource once and lets all that refers to it refer to the new one. */
export function createResourceProcessor(config: ResourceConfig): TransformProcessor {
  const edit = compileActions(config.attributes, (bytes) => createHash('sha256').update(bytes).digest('hex'));
  const edited = new WeakMap<Resource, Resource>();
  const change = (resource: Resource): Resource => {
    let changed = edited.get(resource);
    if (changed === undefined) {
      changed = withResourceAttributes(resource, editAttributes(resource.attributes, edit));
      edited.set(resource, changed);
    }
    return changed;
  };
  const map = seriesMapper((_, resource) => ({ resource: change(resource) }));
  return {
    transform: {
      metrics: (batch) => mapMetrics(batch, map),
      logs: (batch) => mapResources(batch, change),
      traces: (batch) => mapResources(batch, change),
    },
  };
}
