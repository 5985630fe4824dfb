import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { token: 'secret' },
  badConfig: [{}, { token: '' }, { token: 'a', tokens: ['b'] }, { token: 'a', header: 'x y' }],
});
