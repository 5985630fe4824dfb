import { attributeActions, z } from 'bpflow/sdk';

/** Configuration of the `resource` processor: the Collector's keys. */
export const resourceConfig = z.strictObject({
  attributes: attributeActions().describe('What is done to the attributes of each resource, one after the other.'),
});

export type ResourceConfig = z.output<typeof resourceConfig>;
