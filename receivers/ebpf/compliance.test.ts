import { BPF } from 'bpflow/sdk';
import { describeCompliance, fakeBpf, fakeScope } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { collect_scheduler: true },
  badConfig: [
    { scrape_interval: 'soon' },
    { max_groups: 0 },
    { labels: ['colour'] },
    { collect_network: true },
    { process_filter: ['re:('] },
  ],
  scope: () => fakeScope('receiver', 'ebpf', { services: [[BPF, fakeBpf()]] }),
});
