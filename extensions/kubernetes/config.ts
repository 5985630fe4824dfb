import { connectionFields, podFilterField } from 'bpflow/kubernetes';
import { type FieldWish, z } from 'bpflow/sdk';

const KINDS = ['namespace', 'node', 'deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob'] as const;

/** Configuration of the `kubernetes` extension. */
export const kubernetesConfig = z.strictObject({
  ...connectionFields(),
  filter: podFilterField(),
  extract: z
    .strictObject({
      labels: wishes('labels'),
      annotations: wishes('annotations'),
      objects: z
        .array(z.enum(KINDS))
        .default([])
        .describe('Kinds whose uid is needed. namespace also gives the uid of the cluster.'),
    })
    .prefault({})
    .describe('What is kept for plugins, beyond what processors and receivers ask for themselves.'),
  endpoints: z
    .boolean()
    .default(false)
    .describe('Watches EndpointSlices: hubble_endpoint_count and hubble_endpoint_ready by Service.'),
  max_pods: z
    .int()
    .min(1)
    .default(50_000)
    .describe('Most pods that are kept, about 2 KiB each. What finds no room is counted.'),
});

export type KubernetesConfig = z.output<typeof kubernetesConfig>;

function wishes(what: 'labels' | 'annotations') {
  const wish = z
    .strictObject({
      key: z.string().default('').describe('The key, exactly.'),
      key_regex: z.string().default('').describe('Every key that matches this regular expression as a whole.'),
      from: z
        .enum(['pod', ...KINDS])
        .default('pod')
        .describe('Whose.'),
    })
    .check(({ value, issues }) => {
      const problem = problemOf(value);
      if (problem !== undefined) issues.push({ code: 'custom', input: value, path: [], message: problem });
    });
  return z.array(wish).default([]).describe(`Which ${what} are kept.`);
}

function problemOf({ key, key_regex }: FieldWish): string | undefined {
  if ((key === '') === (key_regex === '')) return 'give either key or key_regex';
  try {
    new RegExp(key_regex, 'u');
    return undefined;
  } catch {
    return 'key_regex is no regular expression that JavaScript reads';
  }
}
