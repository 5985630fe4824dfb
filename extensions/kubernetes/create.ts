import { openKubernetes } from 'bpflow/kubernetes';
import { type Component, KUBERNETES, type Scope } from 'bpflow/sdk';
import type { KubernetesConfig } from './config.ts';

/** Publishes the pods under the token KUBERNETES. */
export function createKubernetes({ extract, ...settings }: KubernetesConfig, scope: Scope): Component {
  const opened = openKubernetes(settings, scope);
  opened.kubernetes.want(extract);
  scope.provide(KUBERNETES, opened.kubernetes);
  return { start: () => opened.start(), stop: () => opened.stop() };
}
