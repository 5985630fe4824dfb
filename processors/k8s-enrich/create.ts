import { type OpenKubernetes, openKubernetes } from 'bpflow/kubernetes';
import { KUBERNETES, type Kubernetes, type Processor, type Scope, StartError } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { unknownFields } from './pod-filter.ts';
import { createEnrichment } from './processor.ts';

/** Pods that an own client keeps. */
const MAX_PODS = 50_000;

/** Finds where the pods come from: an extension, else an own client. Throws a StartError for what cannot work. */
export function createK8sEnrich(config: K8sEnrichConfig, scope: Scope): Processor {
  const { filter, passthrough } = config;
  const node = filter.node_from_env_var === '' ? filter.node : nodeOf(filter.node_from_env_var);
  const resolved = { ...config, filter: { ...filter, node, node_from_env_var: '' } };
  if (passthrough) return createEnrichment(resolved, scope, undefined);
  const shared = sharedPods(resolved, scope);
  if (shared !== undefined || !mayAsk(config)) return createEnrichment(resolved, scope, shared);
  return withOwnClient(resolved, scope, openKubernetes(settingsOf(resolved), scope));
}

/** The pods of the extension, where there is one that can do what is wanted. */
function sharedPods({ kubernetes, filter, auth_type }: K8sEnrichConfig, scope: Scope): Kubernetes | undefined {
  const service = kubernetes === '' ? scope.find(KUBERNETES) : scope.get(KUBERNETES, kubernetes);
  const unknown = service === undefined ? [] : unknownFields(filter);
  if (unknown.length === 0) return service;
  if (auth_type !== undefined) return undefined;
  throw new StartError(
    `filter.fields: ${unknown.join(', ')} cannot be compared here. Set it in the extension kubernetes, whose pods this processor uses.`,
  );
}

/** Whether there is a cluster to ask: somebody says so, or this is a pod. */
function mayAsk({ auth_type }: K8sEnrichConfig): boolean {
  return auth_type !== undefined || (process.env['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
}

function settingsOf({
  auth_type = 'serviceAccount',
  ...config
}: K8sEnrichConfig): Parameters<typeof openKubernetes>[0] {
  const { kube_config_path, context, service_account_path, kubelet, filter } = config;
  const connection = { auth_type, kube_config_path, context, service_account_path, kubelet };
  return { ...connection, filter, endpoints: false, max_pods: MAX_PODS };
}

function withOwnClient(config: K8sEnrichConfig, scope: Scope, own: OpenKubernetes): Processor {
  const enrichment = createEnrichment(config, scope, own.kubernetes);
  return {
    ...enrichment,
    async start() {
      own.start();
      await enrichment.start?.();
    },
    async stop(abort) {
      await enrichment.stop?.(abort);
      await own.stop();
    },
  };
}

function nodeOf(variable: string): string {
  const node = process.env[variable] ?? '';
  if (node !== '') return node;
  throw new StartError(
    `filter.node_from_env_var: the environment variable ${variable} is not set. Set it from spec.nodeName in the pod's manifest.`,
  );
}
