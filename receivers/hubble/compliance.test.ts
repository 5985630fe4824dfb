import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { endpoint: '127.0.0.1:1', tls: { insecure: true } },
  badConfig: [
    { endpoint: 'hubble-relay' },
    { endpoint: 'http://hubble-relay:80' },
    { endpoint: 'unix:' },
    { endpoint: 'a:1', hubble_address: 'b:1' },
    { tls: { insecure: true }, hubble_tls_enabled: false },
    { tls: { server_name: 'a', server_name_override: 'b' } },
    { tls: { max_version: '1.2' } },
    { hubble_tls_cert: '/etc/hubble/tls.crt' },
    { flow_sample_rate: 0 },
    { aggregation_window: '1ms' },
    { watch_namespaces: ['kube-system'] },
    { watch_namespaces: ['Shop'] },
    { include: [{}] },
    { include: [{ verdict: ['LOST'] }] },
    { include: [{ drop_reason_desc: ['BAD_LUCK'] }] },
    { context: { labels: ['source_colour'] } },
    { context: { source: ['name'] } },
    { histogram: { request_bounds: ['1s', '1s'] } },
    { join: 'no id/' },
    { join: 'ebpf', names: 'hubble_upstream' },
    { join: 'ebpf', collect_flows: false },
    { upstream_options: { dns: ['ignoreAAAA'] } },
    { names: 'hubble_upstream', upstream_options: { flows_to_world: ['syn'] } },
  ],
});
