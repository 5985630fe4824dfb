import { KUBERNETES, type Kubernetes, type Processor, type Scope, StartError } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { unknownFields } from './pod-filter.ts';
import { createEnrichment } from './processor.ts';

/** Finds where the pods come from. Throws a StartError for what cannot work. */
export function createK8sEnrich(config: K8sEnrichConfig, scope: Scope): Processor {
  const { filter, passthrough } = config;
  const node = filter.node_from_env_var === '' ? filter.node : nodeOf(filter.node_from_env_var);
  const resolved = { ...config, filter: { ...filter, node } };
  return createEnrichment(resolved, scope, passthrough ? undefined : clusterOf(resolved, scope));
}

function clusterOf({ kubernetes, filter }: K8sEnrichConfig, scope: Scope): Kubernetes | undefined {
  const service = kubernetes === '' ? scope.find(KUBERNETES) : scope.get(KUBERNETES, kubernetes);
  if (service === undefined) return undefined;
  const unknown = unknownFields(filter);
  if (unknown.length > 0) {
    throw new StartError(
      `filter.fields: ${unknown.join(', ')} cannot be compared here. Set it in the extension kubernetes, whose pods this processor uses.`,
    );
  }
  return service;
}

function nodeOf(variable: string): string {
  const node = process.env[variable] ?? '';
  if (node !== '') return node;
  throw new StartError(
    `filter.node_from_env_var: the environment variable ${variable} is not set. Set it from spec.nodeName in the pod's manifest.`,
  );
}
