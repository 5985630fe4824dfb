import { defineReceiver } from 'bpflow/sdk';
import { config } from './config.ts';
import { configFor } from './events/event-options.ts';
import { neededCapabilities } from './kernel/capabilities.ts';
import { planEbpf } from './plan/plan.ts';
import { EbpfReceiver } from './receiver.ts';

export default defineReceiver({
  type: 'ebpf',
  stability: 'beta',
  description:
    "The kernel's own counts of this machine's processes: system calls and the scheduler, exact by construction. Events as logs.",
  config,
  produces: ['metrics', 'logs'],
  capabilities: neededCapabilities,
  plan: (options, scope) => planEbpf(configFor(options, scope.signals), scope),
  create: (options, scope, next) => new EbpfReceiver(options, scope, next),
});
