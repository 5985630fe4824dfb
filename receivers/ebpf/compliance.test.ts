import { BPF } from 'bpflow/sdk';
import { describeCompliance, fakeBpf, fakeScope } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { collect_scheduler: true, labels: ['process', 'cgroup'], features: { tp_btf: 'off' } },
  badConfig: [
    { max_entries: 0 },
    { max_groups: -1 },
    { labels: ['thread'] },
    { scrape_interval: '0s' },
    { features: { tp_btf: 'maybe' } },
    { process_filter: ['re:('] },
    { collect_http: 'yes' },
    { dns_ports: [] },
    { ring_buffer_size: 65535 },
  ],
  scope: () => fakeScope('receiver', 'ebpf', { services: [[BPF, fakeBpf()]] }),
});
