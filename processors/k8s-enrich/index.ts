import { defineProcessor } from 'bpflow/sdk';
import { k8sEnrichConfig } from './config.ts';
import { createK8sEnrich } from './create.ts';

export default defineProcessor({
  type: 'k8s_enrich',
  aliases: ['k8s_attributes'],
  deprecatedAliases: ['k8sattributes'],
  stability: 'beta',
  description: 'Adds the names of pods, workloads, containers and units to what comes from them.',
  config: k8sEnrichConfig,
  consumes: ['metrics', 'logs', 'traces'],
  wants: 'own_delta',
  create: createK8sEnrich,
});
