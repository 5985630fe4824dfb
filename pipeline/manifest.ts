import type { BuiltIn } from './plugins/catalogue.ts';

/** The components that come with the agent. The only place where the core knows one by name. */
export const builtIns: readonly BuiltIn[] = [
  { kind: 'receiver', type: 'ebpf', load: () => import('../receivers/ebpf/index.ts') },
  { kind: 'processor', type: 'batch', load: () => import('../processors/batch/index.ts') },
  { kind: 'exporter', type: 'debug', load: () => import('../exporters/debug/index.ts') },
  { kind: 'exporter', type: 'prometheus', load: () => import('../exporters/prometheus/index.ts') },
  { kind: 'extension', type: 'health_check', load: () => import('../extensions/health-check/index.ts') },
];
