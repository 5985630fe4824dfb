/** The door for components that ask a Kubernetes API themselves. Who only needs the pods uses the token KUBERNETES. */

export { type OpenKubernetes, type OpenKubernetesOptions, openKubernetes } from './open-kubernetes.ts';
export { connectionFields, type KubernetesSettings, podFilterField } from './settings.ts';
