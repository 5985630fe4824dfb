import { AGENT, type Agent, INSPECTION, type Inspection } from 'bpflow/sdk';
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
const inspection: Inspection = { list: () => [], read: () => undefined };

describeCompliance(spec, {
  config: { endpoint: '127.0.0.1:0' },
  badConfig: [{ endpoint: 'localhost' }, { pages: [] }],
  scope: () =>
    fakeScope('extension', 'zpages', {
      services: [
        [AGENT, agent],
        [INSPECTION, inspection],
      ],
    }),
});
