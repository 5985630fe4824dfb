import { z } from 'zod';
import { duration } from '../config-types.ts';

/** `auth_type` and what belongs to it, with the Collector's keys. */
export function connectionFields() {
  return {
    auth_type: z
      .enum(['serviceAccount', 'kubeConfig', 'kubelet', 'none'])
      .default('serviceAccount')
      .describe(
        "How the API server is found and asked: serviceAccount (that of the agent's pod), kubeConfig (a file), none (the server of the pod's environment, without credentials and without checking its certificate); kubelet asks the node's kubelet instead.",
      ),
    kube_config_path: z.string().default('').describe('File of kubeConfig. Default: $KUBECONFIG, then ~/.kube/config.'),
    context: z.string().default('').describe("Context in it. Default: the file's current one."),
    service_account_path: z
      .string()
      .min(1, { error: 'must not be empty' })
      .default('/var/run/secrets/kubernetes.io/serviceaccount')
      .describe('Folder of token and ca.crt, read again when they change.'),
    kubelet: z
      .strictObject({
        endpoint: z
          .url({ protocol: /^https?$/, error: 'expected a URL such as https://10.0.0.5:10250' })
          .default('https://127.0.0.1:10250')
          .describe("The kubelet. In the node's network 127.0.0.1 is right; else its address, from status.hostIP."),
        ca_file: z
          .string()
          .default('')
          .describe("PEM file of the authorities of its certificate. Default: the cluster's, of the service account."),
        insecure_skip_verify: z
          .boolean()
          .default(false)
          .describe('Accept any certificate. Many clusters leave kubelets with one that they signed themselves.'),
        poll_interval: duration()
          .prefault('10s')
          .refine((ms) => ms >= 100, 'must be at least 100ms')
          .describe('How often its pods are asked for; it has nothing to watch.'),
      })
      .prefault({})
      .describe('For auth_type: kubelet.'),
  };
}

/** `filter`, with the Collector's keys. */
export function podFilterField() {
  return z
    .strictObject({
      node: z.string().default('').describe('Only pods of this node, and only this node.'),
      node_from_env_var: z
        .string()
        .default('')
        .describe('The same, with the name of the node in this environment variable; it must be set.'),
      namespace: z.string().default('').describe('Only pods of this namespace; a Role in it suffices then.'),
      labels: z
        .array(
          z.strictObject({
            key: z.string().min(1, { error: 'must not be empty' }).describe('Key of the label.'),
            value: z.string().default('').describe('Its value; not for exists and does-not-exist.'),
            op: z
              .enum(['equals', 'not-equals', 'exists', 'does-not-exist'])
              .default('equals')
              .describe('How the label is compared.'),
          }),
        )
        .default([])
        .describe('Only pods whose labels match all of these. The API server compares.'),
      fields: z
        .array(
          z.strictObject({
            key: z
              .string()
              .min(1, { error: 'must not be empty' })
              .describe('Field that the API server can compare: status.phase.'),
            value: z.string().default('').describe('Its value.'),
            op: z.enum(['equals', 'not-equals']).default('equals').describe('How the field is compared.'),
          }),
        )
        .default([])
        .describe('Only pods whose fields match all of these.'),
    })
    .prefault({})
    .describe('Which pods are known at all. In a DaemonSet: those of the node.');
}

/** How pods are asked for, and which. */
export type KubernetesSettings = z.output<z.ZodObject<ReturnType<typeof connectionFields>>> & {
  readonly filter: z.output<ReturnType<typeof podFilterField>>;
  /** Services and their endpoints, too. */
  readonly endpoints: boolean;
  /** Most pods that are kept. */
  readonly max_pods: number;
};
