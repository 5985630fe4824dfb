import { defineReceiver } from 'bpflow/sdk';
import { config } from './config.ts';
import { planHubble } from './plan/plan.ts';
import { HubbleReceiver } from './receiver.ts';

export default defineReceiver({
  type: 'hubble',
  stability: 'alpha',
  description: "Flows of Cilium's Hubble, from a relay or an agent, as exact metrics and as log records.",
  config,
  produces: ['metrics', 'logs'],
  plan: planHubble,
  create: (options, scope, next) => new HubbleReceiver(options, scope, next),
});
