import { z } from 'bpflow/sdk';

/** Whose labels and annotations can be read. */
export const OBJECTS = ['pod', 'namespace', 'node', 'deployment', 'statefulset', 'daemonset', 'job'] as const;
export type ObjectKind = (typeof OBJECTS)[number];

/** `extract.labels` and `extract.annotations`. */
export function fieldRules(what: 'labels' | 'annotations') {
  const rule = z
    .strictObject({
      tag_name: z
        .string()
        .default('')
        .describe(
          `Name of the attribute, with $1 or \${1} for a group of key_regex. Default: k8s.pod.${what}.<key>, by whose it is.`,
        ),
      key: z.string().default('').describe('The key, exactly.'),
      key_regex: z.string().default('').describe('Every key that matches this regular expression as a whole.'),
      regex: z
        .never({ error: 'was removed from the Collector; take the value whole, or use key_regex' })
        .optional()
        .describe('Not available: the Collector has removed it.'),
      from: z.enum(OBJECTS).default('pod').describe('Whose: the pod, its namespace, its node or its workload.'),
    })
    .check(({ value: { key, key_regex }, issues }) => {
      const custom = (path: string, message: string): void =>
        void issues.push({ code: 'custom', input: key_regex, path: [path], message });
      if ((key === '') === (key_regex === '')) custom('key', 'give either key or key_regex');
      else if (key_regex !== '' && compileKey(key_regex) === undefined) {
        custom('key_regex', 'is no regular expression that JavaScript reads');
      }
    });
  return z.array(rule).default([]).describe(`Which ${what} become attributes.`);
}

/** The expression over a whole key; undefined when it is none. */
export function compileKey(expression: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${expression})$`, 'u');
  } catch {
    return undefined;
  }
}
