import type { BuiltIn } from './plugins/catalogue.ts';

/** The components that come with the agent. The only place where the core knows one by name. */
export const builtIns: readonly BuiltIn[] = [
  { kind: 'receiver', type: 'ebpf', load: () => import('../receivers/ebpf/index.ts') },
  { kind: 'receiver', type: 'hubble', load: () => import('../receivers/hubble/index.ts') },
  { kind: 'receiver', type: 'otlp', load: () => import('../receivers/otlp/index.ts') },
  { kind: 'processor', type: 'attributes', load: () => import('../processors/attributes/index.ts') },
  { kind: 'processor', type: 'batch', load: () => import('../processors/batch/index.ts') },
  { kind: 'processor', type: 'cardinality_limit', load: () => import('../processors/cardinality-limit/index.ts') },
  { kind: 'processor', type: 'filter', load: () => import('../processors/filter/index.ts') },
  {
    kind: 'processor',
    type: 'k8s_enrich',
    aliases: ['k8s_attributes', 'k8sattributes'],
    load: () => import('../processors/k8s-enrich/index.ts'),
  },
  { kind: 'processor', type: 'memory_limiter', load: () => import('../processors/memory-limiter/index.ts') },
  {
    kind: 'processor',
    type: 'probabilistic_sampler',
    load: () => import('../processors/probabilistic-sampler/index.ts'),
  },
  { kind: 'processor', type: 'resource', load: () => import('../processors/resource/index.ts') },
  { kind: 'processor', type: 'sampling', load: () => import('../processors/sampling/index.ts') },
  { kind: 'connector', type: 'forward', load: () => import('../connectors/forward/index.ts') },
  { kind: 'exporter', type: 'debug', load: () => import('../exporters/debug/index.ts') },
  {
    kind: 'exporter',
    type: 'otlp_grpc',
    aliases: ['otlp'],
    load: () => import('../exporters/otlp-grpc/index.ts'),
  },
  {
    kind: 'exporter',
    type: 'otlp_http',
    aliases: ['otlphttp'],
    load: () => import('../exporters/otlp-http/index.ts'),
  },
  { kind: 'exporter', type: 'file', load: () => import('../exporters/file/index.ts') },
  { kind: 'exporter', type: 'prometheus', load: () => import('../exporters/prometheus/index.ts') },
  {
    kind: 'extension',
    type: 'basic_auth',
    aliases: ['basicauth'],
    load: () => import('../extensions/basic-auth/index.ts'),
  },
  {
    kind: 'extension',
    type: 'bearer_token_auth',
    aliases: ['bearertokenauth'],
    load: () => import('../extensions/bearer-token-auth/index.ts'),
  },
  { kind: 'extension', type: 'file_storage', load: () => import('../extensions/file-storage/index.ts') },
  { kind: 'extension', type: 'health_check', load: () => import('../extensions/health-check/index.ts') },
  { kind: 'extension', type: 'kubernetes', load: () => import('../extensions/kubernetes/index.ts') },
  { kind: 'extension', type: 'zpages', load: () => import('../extensions/zpages/index.ts') },
];
