import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.ts';
import { pageSize } from './kernel/page-size.ts';

function messages(body: unknown): string[] {
  const { error } = config.safeParse(body);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('an empty body gives the defaults of the product', () => {
  const defaults = config.parse({});
  assert.deepEqual(
    { ...defaults, features: undefined },
    {
      preset: 'default',
      enabled: true,
      scrape_interval: 15_000,
      collect_syscalls: true,
      syscall_latency: true,
      collect_scheduler: false,
      collect_file_io: true,
      file_operations: true,
      block_io: true,
      regular_files: false,
      collect_memory: false,
      collect_network: true,
      network_messages: false,
      network_labels: [],
      collect_dns: false,
      dns_ports: [53],
      dns_labels: [],
      dns_timeout: 10_000,
      collect_dns_events: true,
      collect_http: false,
      socket_history: 16_384,
      memory_allocations: true,
      memory_slab: false,
      labels: ['process'],
      histogram_labels: [],
      histograms: 'explicit',
      process_filter: [],
      exclude_processes: ['tfo-agent', 'systemd'],
      container_filter: [],
      namespace_filter: [],
      cgroup_filter: [],
      user_filter: [],
      scope: 'auto',
      collect_process_events: true,
      event_arguments: true,
      collect_signal_events: false,
      collect_oom_events: true,
      collect_container_events: true,
      collect_tcp_events: true,
      monitor_paths: [],
      exclude_paths: [],
      collect_namespace_events: false,
      collect_privilege_events: false,
      collect_cgroup_events: false,
      memory_threshold: 2 ** 30,
      stack_traces: [],
      max_stack_depth: 20,
      event_rate_limit: 10_000,
      ring_buffer_size: 65_536,
      perf_buffer_size: 8192,
      sample_rate: 100,
      idle_timeout: 300_000,
      max_groups: 4096,
      max_entries: 16_384,
      canary: 0,
      programs_path: '',
      collect_programs: true,
      pin_path: '',
      btf_path: '',
      features: undefined,
    },
  );
  assert.ok(Object.values(defaults.features).every((on) => on));
});

test('a feature is on or off, as a word or as YAML 1.1 reads it', () => {
  const { features } = config.parse({ features: { tp_btf: 'off', raw_tp: false, batch: 'on', iterators: true } });
  assert.deepEqual([features.tp_btf, features.raw_tp, features.batch, features.iterators], [false, false, true, true]);
});

test('the canary is off, on, or an interval', () => {
  assert.deepEqual(
    [false, true, '10s'].map((canary) => config.parse({ canary }).canary),
    [0, 60_000, 10_000],
  );
  for (const canary of ['10ms', 'yes', 0]) assert.equal(messages({ canary }).length, 1, `${canary}`);
});

test('users are numbers, ranges or names; cgroups are written from the root of their tree', () => {
  assert.deepEqual(config.parse({ user_filter: [0, '1000-1999', 'www-data'] }).user_filter, [
    '0',
    '1000-1999',
    'www-data',
  ]);
  for (const user of [-1, '9-3', 1.5, 'a b', 2 ** 32])
    assert.equal(messages({ user_filter: [user] }).length, 1, `${user}`);
  assert.deepEqual(messages({ cgroup_filter: ['/system.slice', 're:^/a', '*b'] }), []);
  assert.deepEqual(messages({ cgroup_filter: ['/sys/fs/cgroup/system.slice'] }), [
    'cgroup_filter: is a path of the file system; write it from the root of the cgroup tree, without /sys/fs/cgroup',
  ]);
  assert.equal(messages({ scope: 'node' }).length, 1);
});

test('limits, patterns and times are checked', () => {
  assert.deepEqual(messages({ max_entries: 0 }), ['max_entries: must be at least 1']);
  for (const rate of [0, 0.5, 101]) {
    assert.deepEqual(messages({ sample_rate: rate }), ['sample_rate: is a percentage, from 1 to 100']);
  }
  for (const size of [65_535, 2048, 2 ** 31]) {
    assert.deepEqual(messages({ ring_buffer_size: size }), [
      `ring_buffer_size: must be a power of two from ${pageSize()} (one page) to 1073741824`,
    ]);
  }
  for (const size of [0, 2048, 12_288, 2 ** 25, '8192']) {
    assert.equal(messages({ perf_buffer_size: size }).length, 1, `${size}`);
  }
  assert.deepEqual(
    messages({ ring_buffer_size: 65_536, perf_buffer_size: 4096, event_rate_limit: 1, collect_tcp_events: true }),
    [],
  );
  assert.deepEqual(messages({ dns_ports: [1, 2, 3, 4, 5] }), ['dns_ports: must be at most 4 ports']);
  assert.deepEqual(messages({ dns_ports: [0], dns_timeout: '0s' }).length, 2);
  for (const path of ['a', '/sys/fs/bpf/../a', './a', '/a/']) {
    const problem = 'must be an absolute path without . and .. and without / at its end';
    assert.deepEqual(messages({ pin_path: path }), [`pin_path: ${problem}`]);
    assert.deepEqual(messages({ programs_path: path }), [`programs_path: ${problem}`]);
  }
  assert.deepEqual(messages({ monitor_paths: ['etc'] }), ['monitor_paths.0: must be an absolute path']);
  assert.deepEqual(messages({ max_groups: 2_000_000 }), ['max_groups: must be at most 1048576']);
  assert.deepEqual(messages({ process_filter: ['re:('] }), [
    'process_filter.0: is no regular expression; write re:<expression>, or a name with * and ?',
  ]);
  assert.deepEqual(messages({ scrape_interval: '1ms' }), ['scrape_interval: must be at least 10ms']);
  assert.deepEqual(messages({ features: { tp_btf: 'maybe' } }), ['features.tp_btf: must be on or off']);
});
