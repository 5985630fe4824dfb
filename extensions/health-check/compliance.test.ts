import { AGENT, type Agent } from 'bpflow/sdk';
import { describeCompliance, fakeScope } from 'bpflow/testing';
import spec from './index.ts';

const agent: Agent = {
  name: 'bpflow',
  version: '0',
  startedAt: 0n,
  readySince: 0n,
  ready: () => true,
  health: () => [],
};

describeCompliance(spec, {
  config: { endpoint: '127.0.0.1:0' },
  badConfig: [{ endpoint: 'localhost' }, { path: 'status' }],
  scope: () => fakeScope('extension', 'health_check', { services: [[AGENT, agent]] }),
});
