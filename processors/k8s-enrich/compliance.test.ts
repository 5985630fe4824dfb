import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { hold: { timeout: '1s' }, filter: { labels: [{ key: 'app', value: 'web' }] } },
  badConfig: [
    { auth_type: 'password' },
    { filter: { labels: [{ key: 'app', op: 'like' }] } },
    { extract: { metadata: ['k8s.pod.nmae'] } },
    { extract: { labels: [{ key: 'a', key_regex: 'b' }] } },
    { extract: { labels: [{ tag_name: 'a' }] } },
    { extract: { labels: [{ key_regex: '(' }] } },
    { extract: { annotations: [{ key: 'a', regex: 'x' }] } },
    { extract: { labels: [{ key: 'a', from: 'service' }] } },
    { pod_association: [{ sources: [] }] },
    { pod_association: [{ sources: [{ from: 'resource_attribute' }] }] },
    { exclude: { pods: [{ name: '(' }] } },
    { kubernetes: 'kubernetes/east', auth_type: 'none' },
    { wait_for_metadata_timeout: '10 parsecs' },
  ],
});
