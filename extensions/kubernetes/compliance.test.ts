import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { auth_type: 'serviceAccount', extract: { labels: [{ key: 'app' }] }, endpoints: true },
  badConfig: [
    { auth_type: 'password' },
    { extract: { labels: [{}] } },
    { extract: { labels: [{ key: 'a', key_regex: 'b' }] } },
    { extract: { annotations: [{ key_regex: '(' }] } },
    { extract: { objects: ['service'] } },
    { filter: { labels: [{ key: 'a', op: 'like' }] } },
    { kubelet: { endpoint: '10.0.0.5:10250' } },
    { kubelet: { poll_interval: '1ms' } },
    { max_pods: 0 },
  ],
});
