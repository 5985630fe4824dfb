import { defineExtension } from 'bpflow/sdk';
import { kubernetesConfig } from './config.ts';
import { createKubernetes } from './create.ts';

export default defineExtension({
  type: 'kubernetes',
  stability: 'beta',
  description: 'Knows the pods of a cluster or node, for processors and receivers that name them.',
  config: kubernetesConfig,
  create: createKubernetes,
});
