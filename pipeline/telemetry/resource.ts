import { randomUUID } from 'node:crypto';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';

/** What the agent says of itself in its own telemetry. A `null` in the configuration removes an attribute. */
export function agentResource(
  agent: { readonly name: string; readonly version: string },
  configured: Readonly<Record<string, string | number | boolean | null>> = {},
): Resource {
  const attributes = {
    'service.name': agent.name,
    'service.version': agent.version,
    'service.instance.id': randomUUID(),
    ...configured,
  };
  return resourceFromAttributes(
    Object.fromEntries(Object.entries(attributes).flatMap(([key, value]) => (value === null ? [] : [[key, value]]))),
  );
}
