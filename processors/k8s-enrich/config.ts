import { connectionFields, podFilterField } from 'bpflow/kubernetes';
import { duration, z } from 'bpflow/sdk';
import { fieldRules } from './field-rules-config.ts';
import { DEFAULT_METADATA, METADATA } from './metadata.ts';

const text = z.string().min(1, { error: 'must not be empty' });

const extract = z
  .strictObject({
    metadata: z
      .array(z.enum(METADATA))
      .optional()
      .describe(
        `Attributes to add. Default: ${DEFAULT_METADATA.join(', ')}; for the agent's own metrics also the container and every kind of workload.`,
      ),
    labels: fieldRules('labels'),
    annotations: fieldRules('annotations'),
    otel_annotations: z
      .boolean()
      .default(false)
      .describe('Pod annotations resource.opentelemetry.io/<name> become attributes <name>.'),
    deployment_name_from_replicaset: z
      .boolean()
      .default(false)
      .describe(
        'Accepted as in the Collector. The Deployment is found by the pod-template-hash in any case, without watching ReplicaSets.',
      ),
  })
  .prefault({})
  .describe('What is added.');

const source = z
  .strictObject({
    from: z
      .enum(['resource_attribute', 'connection'])
      .describe('An attribute of the resource, or the address of who sent the data.'),
    name: z.string().default('').describe('The attribute, for resource_attribute.'),
  })
  .check(({ value, issues }) => {
    if (value.from === 'resource_attribute' && value.name === '') {
      issues.push({ code: 'custom', input: value, path: ['name'], message: 'is required for resource_attribute' });
    }
  });

/** Configuration of the `k8s_enrich` processor: the Collector's keys of `k8s_attributes`, and a few of our own. */
export const k8sEnrichConfig = z
  .strictObject({
    kubernetes: z
      .string()
      .default('')
      .describe(
        'Id of the extension that knows the pods. Default: the only `kubernetes` extension there is, else an own client.',
      ),
    ...connectionFields(),
    auth_type: connectionFields()
      .auth_type.unwrap()
      .optional()
      .describe(
        'How the API server is found and asked where there is no extension `kubernetes`: as there. Default: serviceAccount in a pod; elsewhere there is no cluster.',
      ),
    watch_sync_period: duration()
      .prefault('5m')
      .describe('Accepted as in the Collector; a watch here resumes by itself.'),
    pod_delete_grace_period: duration()
      .prefault('2m')
      .describe('Accepted as in the Collector; the cache keeps a pod for as long as its last data needs.'),
    passthrough: z
      .boolean()
      .default(false)
      .describe('Only adds k8s.pod.ip, from the connection; asks no API. For agents before one that enriches.'),
    filter: podFilterField(),
    extract,
    pod_association: z
      .array(
        z.strictObject({
          sources: z
            .array(source)
            .min(1, { error: 'must not be empty' })
            .max(4, { error: 'too many association sources. limit is 4' })
            .describe('All of them must match.'),
        }),
      )
      .default([])
      .describe(
        'How foreign data finds its pod, the first rule whose sources are there. Default: container.id, k8s.pod.uid, k8s.pod.ip, the connection, whichever leads to a pod.',
      ),
    exclude: z
      .strictObject({
        pods: z
          .array(
            z.strictObject({
              name: text
                .refine(isExpression, { error: 'is no regular expression that JavaScript reads' })
                .describe('Regular expression.'),
            }),
          )
          .default([{ name: 'jaeger-agent' }, { name: 'jaeger-collector' }])
          .describe('Pods that are left alone, by name.'),
      })
      .prefault({})
      .describe('Whose data passes as it is.'),
    wait_for_metadata: z.boolean().default(false).describe('Whether the start waits until the pods are known.'),
    wait_for_metadata_timeout: duration()
      .prefault('10s')
      .describe('How long. The start fails when they are not known by then, as in the Collector.'),
    attribute_names: z
      .enum(['v0', 'v1'])
      .default('v0')
      .describe(
        "Names of labels, annotations and image tags. v0: k8s.pod.labels.<key>, container.image.tag; v1: k8s.pod.label.<key>, container.image.tags, as by the Collector's gate EmitV1K8sConventions.",
      ),
    hold: z
      .strictObject({
        timeout: duration()
          .prefault('5s')
          .describe('How long data of a pod or container that is not known yet is held back. 0: not at all.'),
        max_items: z
          .int()
          .min(0)
          .default(100_000)
          .describe('Most data points, log records or spans held at a time in a pipeline. More pass unenriched.'),
      })
      .prefault({})
      .describe('Names come a moment after the first data. Held data is handed on enriched, in its order.'),
    containers: z
      .strictObject({
        docker_root: z
          .string()
          .default('/var/lib/docker')
          .describe("Docker's data on this machine, for names of containers outside pods. Empty: not read."),
        podman_roots: z
          .array(z.string())
          .default(['/var/lib/containers/storage'])
          .describe('Storage folders of Podman, for the same.'),
      })
      .prefault({})
      .describe('Names of containers that belong to no pod.'),
  })
  .check(({ value: { kubernetes, auth_type }, issues }) => {
    if (kubernetes !== '' && auth_type !== undefined) {
      issues.push({
        code: 'custom',
        input: auth_type,
        path: ['auth_type'],
        message: `belongs to the extension ${kubernetes}; remove it here`,
      });
    }
  });

export type K8sEnrichConfig = z.output<typeof k8sEnrichConfig>;

function isExpression(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}
