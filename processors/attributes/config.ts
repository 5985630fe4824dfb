import { attributeActions, includeExclude, z } from 'bpflow/sdk';

/** Configuration of the `attributes` processor: the Collector's keys. */
export const attributesConfig = z.strictObject({
  actions: attributeActions().describe('What is done, one after the other.'),
  ...includeExclude(),
});

export type AttributesConfig = z.output<typeof attributesConfig>;
