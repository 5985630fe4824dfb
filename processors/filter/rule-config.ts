import { attributeMatchSettings, compileRegexp, z } from 'bpflow/sdk';
import { severitySetting } from './severity.ts';

/** `rules:`, a key of ours: who and what by the facts that kernel data and Kubernetes carry. */
export function ruleSettings() {
  return z.strictObject({
    name: z.string().min(1).describe('Its name in counters.'),
    action: z.enum(['keep', 'drop']).default('keep').describe('What happens to what matches.'),
    names: globs().describe('Name of the metric or span, or event name of the record: one of these.'),
    min_severity: severitySetting()
      .optional()
      .describe('Lowest severity of log records, INFO or 9. Points and spans have none, so it does not concern them.'),
    namespaces: globs().describe('k8s.namespace.name is one of these.'),
    containers: globs().describe('k8s.container.name or container.name is one of these.'),
    processes: globs().describe('process.executable.name or process.command is one of these.'),
    process_regex: z
      .string()
      .optional()
      .check((context) => {
        try {
          if (context.value !== undefined) compileRegexp(context.value);
        } catch (thrown) {
          context.issues.push({ code: 'custom', input: context.value, message: (thrown as Error).message });
        }
      })
      .describe('The same by a regular expression, found anywhere.'),
    ports: z
      .array(z.int().min(0).max(65535))
      .default([])
      .describe('destination.port, server.port or network.peer.port is one of these.'),
    protocols: globs().describe('network.transport or network.protocol.name is one of these, in any case of letters.'),
    attributes: attributeMatchSettings()
      .default([])
      .describe('Attributes of the item or its resource, all of these; texts are globs.'),
  });
}

export type RuleConfig = z.output<ReturnType<typeof ruleSettings>>;

function globs() {
  return z.array(z.string().min(1)).default([]);
}
