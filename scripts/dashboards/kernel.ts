import { type Dashboard, graph, type Panel, type Row, type Unit } from './grafana.ts';
import { quantile, rate, share, topRates, total, type Where } from './promql.ts';
import type { KnownMetric, Registry } from './registry.ts';

/** What the kernel does for each process: the receiver `ebpf` with its default labels. */
export function kernelDashboard(registry: Registry): Dashboard {
  const rows: readonly Row[] = [
    { title: 'System calls', panels: syscalls(registry) },
    { title: 'Scheduler', panels: scheduler(registry) },
    { title: 'Network', panels: network(registry) },
    { title: 'DNS', panels: dns(registry) },
    { title: 'HTTP', panels: http(registry) },
    { title: 'Files and block devices', panels: files(registry) },
    { title: 'Memory', panels: memory(registry) },
  ];
  return {
    uid: 'bpflow-kernel',
    title: 'bpflow / Kernel',
    description: 'What the kernel does for each process, as the receiver ebpf counts it with its default labels.',
    variables: [
      { name: 'job', label: 'Job', metric: 'ebpf_syscall_count' },
      { name: 'instance', label: 'Instance', metric: 'ebpf_syscall_count' },
      { name: 'process', label: 'Process', metric: 'ebpf_syscall_count' },
    ],
    rows: rows.filter(({ panels }) => panels.length > 0),
  };
}

const TARGET: Where = { job: '=~"$job"', instance: '=~"$instance"' };
const CHOSEN: Where = { ...TARGET, process: '=~"$process"' };

/** Panels of the groups that this version counts. */
function panels(...all: readonly (Panel | undefined)[]): readonly Panel[] {
  return all.filter((panel) => panel !== undefined);
}

type Words = readonly [title: string, description: string];

/** The ten highest rates by process and another label. */
function byProcess(metric: KnownMetric | undefined, [title, description]: Words, unit: Unit, ...by: string[]) {
  if (metric === undefined) return undefined;
  const legend = ['{{process}}', ...by.map((label) => `{{${label}}}`)].join(' ');
  return graph({ title, description, unit, queries: [[topRates(10, metric, ['process', ...by], CHOSEN), legend]] });
}

/** Rates of everything by one label. */
function by(metric: KnownMetric | undefined, [title, description]: Words, unit: Unit, ...labels: string[]) {
  if (metric === undefined) return undefined;
  const legend = labels.map((label) => `{{${label}}}`).join(' ') || 'all';
  return graph({ title, description, unit, queries: [[topRates(10, metric, labels, CHOSEN), legend]] });
}

/** Rates of what belongs to no process. */
function ofHost(metric: KnownMetric | undefined, [title, description]: Words, unit: Unit, ...labels: string[]) {
  if (metric === undefined) return undefined;
  const legend = labels.map((label) => `{{${label}}}`).join(' ') || 'all';
  return graph({ title, description, unit, queries: [[topRates(10, metric, labels, TARGET), legend]] });
}

/** Quantiles of a histogram, which is of all processes together unless asked otherwise. */
function latency(metric: KnownMetric | undefined, [title, description]: Words, ...labels: string[]) {
  if (metric === undefined) return undefined;
  const legend = labels.map((label) => ` {{${label}}}`).join('');
  const quantiles = labels.length === 0 ? [0.5, 0.95, 0.99] : [0.99];
  const expression = (q: number): string => {
    const found = quantile(q, metric, labels, TARGET);
    return labels.length === 0 ? found : `topk(10, ${found})`;
  };
  return graph({
    title,
    description,
    unit: metric.unit === 'ns' ? 'ns' : 's',
    queries: quantiles.map((q) => [expression(q), `p${q * 100}${legend}`]),
  });
}

function gauge(metric: KnownMetric | undefined, [title, description]: Words, unit: Unit, ...labels: string[]) {
  if (metric === undefined) return undefined;
  const legend = labels.map((label) => `{{${label}}}`).join(' ');
  return graph({ title, description, unit, queries: [[`topk(10, ${total(metric, labels, CHOSEN)})`, legend]] });
}

function gaugeMean(metric: KnownMetric | undefined, [title, description]: Words, unit: Unit, label: string) {
  if (metric === undefined) return undefined;
  const mean = total(metric, [label], CHOSEN).replace(/^sum/, 'avg');
  return graph({ title, description, unit, queries: [[`topk(10, ${mean})`, `{{${label}}}`]] });
}

function syscalls(registry: Registry): readonly Panel[] {
  const calls = registry.get('ebpf_syscall_count')!;
  const errors = registry.get('ebpf_syscall_errors')!;
  return panels(
    byProcess(calls, ['Calls by process', 'The ten processes with the most system calls.'], 'ops'),
    by(calls, ['Calls by name', 'The ten system calls that are made most.'], 'ops', 'syscall'),
    byProcess(errors, ['Errors', 'The ten most frequent failures.'], 'ops', 'syscall', 'errno'),
    graph({
      title: 'Share of calls that fail',
      description: 'By process. Many programs poll, so that a high share of EAGAIN is usual.',
      unit: 'percentunit',
      queries: [[share(rate(errors, ['process'], CHOSEN), rate(calls, ['process'], CHOSEN)), '{{process}}']],
    }),
    latency(registry.get('ebpf_syscall_latency_ns'), [
      'Latency of all calls',
      'From entry to end, waiting included: calls that wait for something are meant to be long.',
    ]),
    latency(registry.get('ebpf_syscall_latency_ns'), ['Latency by name', 'The ten slowest calls.'], 'syscall'),
  );
}

function scheduler(registry: Registry): readonly Panel[] {
  const runtime = registry.get('ebpf_process_runtime_ns');
  return panels(
    runtime &&
      graph({
        title: 'CPU by process',
        description: 'Time on a CPU, user and kernel mode together: 1 is one whole CPU.',
        unit: 'cores',
        stacked: true,
        queries: [[`topk(10, ${rate(runtime, ['process'], CHOSEN)} / 1e9)`, '{{process}}']],
      }),
    byProcess(
      registry.get('ebpf_context_switches'),
      ['Context switches', 'Voluntary ones to wait; involuntary ones because another task had to run.'],
      'ops',
      'type',
    ),
    latency(registry.get('ebpf_runqueue_latency_ns'), [
      'Wait on the run queue',
      'From the moment a task could run to the moment it ran. Grows when CPUs are short.',
    ]),
  );
}

function network(registry: Registry): readonly Panel[] {
  const metric = (name: string): KnownMetric | undefined => registry.get(`ebpf_${name}`);
  return panels(
    byProcess(metric('network_bytes_total'), ['Bytes', 'Sent and received, by transport.'], 'Bps', 'direction'),
    byProcess(metric('network_packets_total'), ['Packets', 'Sent and received.'], 'pps', 'direction'),
    byProcess(metric('tcp_retransmits'), ['Retransmissions', 'TCP segments that were sent again.'], 'pps'),
    byProcess(metric('tcp_connections_opened_total'), ['Connections opened', 'TCP, from this machine.'], 'cps'),
    byProcess(metric('tcp_connections_accepted_total'), ['Connections accepted', 'TCP, by this machine.'], 'cps'),
    byProcess(
      metric('tcp_connections_failed_total'),
      ['Connections that failed', 'TCP, by the error.'],
      'cps',
      'errno',
    ),
    byProcess(metric('tcp_connections_reset_total'), ['Connections reset', 'TCP.'], 'cps'),
    gauge(
      metric('tcp_connections'),
      ['Connections', 'TCP connections that are there now, by state.'],
      'short',
      'state',
    ),
    ofHost(
      metric('network_interface_bytes_total'),
      ['Bytes by interface', "Of the machine's interfaces, whoever sent or received them."],
      'Bps',
      'interface',
      'direction',
    ),
    ofHost(
      metric('network_interface_packets_total'),
      ['Packets by interface', "Of the machine's interfaces."],
      'pps',
      'interface',
      'direction',
    ),
    latency(metric('tcp_connect_latency_ns'), ['Time to connect', 'From SYN to the established connection.']),
    latency(metric('tcp_connection_rtt_ns'), ['Round-trip time', 'Of TCP connections when they close.']),
    gaugeMean(metric('tcp_rtt_us'), ['Round-trip time now', 'Of open TCP connections, on average.'], 'µs', 'process'),
  );
}

function dns(registry: Registry): readonly Panel[] {
  const metric = (name: string): KnownMetric | undefined => registry.get(`ebpf_dns_${name}`);
  return panels(
    byProcess(metric('queries_total'), ['DNS queries', 'By type. Sent by the sockets of a process.'], 'ops', 'type'),
    byProcess(
      metric('responses_total'),
      ['DNS responses', 'By code. NXDOMAIN is usual where search domains are tried.'],
      'ops',
      'rcode',
    ),
    byProcess(
      metric('queries_unanswered_total'),
      ['DNS queries without a response', 'Nothing came within dns_timeout.'],
      'ops',
    ),
    byProcess(metric('queries_repeated_total'), ['DNS queries sent again', 'Before there was a response.'], 'ops'),
    latency(metric('latency_ns'), ['DNS latency', 'From the first sending of a query to its response.']),
    ofHost(metric('responses_unmatched_total'), ['DNS responses to nothing', 'Late, repeated or forged.'], 'ops'),
    ofHost(
      metric('messages_malformed_total'),
      ['Malformed DNS messages', 'On the ports of DNS, and not DNS.'],
      'ops',
      'direction',
    ),
  );
}

function http(registry: Registry): readonly Panel[] {
  const metric = (name: string): KnownMetric | undefined => registry.get(`ebpf_http_${name}`);
  return panels(
    byProcess(
      metric('requests_total'),
      ['HTTP requests', 'In clear text, by method. Clients send them, servers get them.'],
      'ops',
      'role',
      'method',
    ),
    byProcess(
      metric('responses_total'),
      ['HTTP responses', 'In clear text, by code. 1xx come beside the final ones.'],
      'ops',
      'role',
      'status',
    ),
    byProcess(
      metric('requests_unanswered_total'),
      ['HTTP requests without a response', 'Their socket was closed before.'],
      'ops',
      'role',
    ),
    latency(metric('duration_ns'), ['HTTP duration', 'From a request to the first byte of its response.'], 'role'),
    ofHost(
      metric('responses_unmatched_total'),
      ['HTTP responses to nothing', 'As those to idle connections.'],
      'ops',
      'role',
    ),
    ofHost(
      metric('messages_malformed_total'),
      ['Malformed HTTP messages', 'In connections of HTTP, and not understood.'],
      'ops',
      'message',
    ),
    ofHost(
      metric('connections_unread_total'),
      ['Connections of TLS and HTTP/2', 'Requests in them are not counted.'],
      'ops',
      'protocol',
    ),
  );
}

function files(registry: Registry): readonly Panel[] {
  const metric = (name: string): KnownMetric | undefined => registry.get(`ebpf_${name}`);
  return panels(
    byProcess(metric('file_read_bytes'), ['Bytes read', 'By calls that read, whatever the file is.'], 'Bps'),
    byProcess(metric('file_write_bytes'), ['Bytes written', 'By calls that write, whatever the file is.'], 'Bps'),
    byProcess(metric('file_regular_read_bytes'), ['Bytes read from regular files', 'The page cache included.'], 'Bps'),
    byProcess(metric('file_regular_write_bytes'), ['Bytes written to regular files', 'To the page cache.'], 'Bps'),
    byProcess(metric('file_open_count'), ['Files opened', 'The ten processes that open most.'], 'ops'),
    byProcess(metric('file_open_errors'), ['Opens that failed', 'The ten processes with the most.'], 'ops'),
    latency(metric('file_io_latency_ns'), ['Latency of calls on files', 'The page cache included.'], 'operation'),
    latency(
      metric('block_io_latency_ns'),
      ['Latency of block devices', 'The 99th percentile by device and operation.'],
      'device',
      'operation',
    ),
  );
}

function memory(registry: Registry): readonly Panel[] {
  const metric = (name: string): KnownMetric | undefined => registry.get(`ebpf_${name}`);
  const pressure = metric('memory_pressure_ns');
  return panels(
    gauge(metric('memory_resident_bytes'), ['Resident memory', 'The ten largest processes.'], 'bytes', 'process'),
    byProcess(metric('page_faults'), ['Page faults', 'Major ones wait for a disk.'], 'ops', 'type'),
    byProcess(metric('memory_allocations'), ['Allocations', 'Pages and address space.'], 'ops', 'type'),
    byProcess(metric('memory_allocated_bytes'), ['Allocated bytes', 'Pages and address space.'], 'Bps', 'type'),
    pressure &&
      graph({
        title: 'Memory pressure',
        description: 'Share of the time in which tasks waited for memory: some of them, or all.',
        unit: 'percentunit',
        queries: [[`${rate(pressure, ['instance', 'type'], TARGET)} / 1e9`, '{{instance}} {{type}}']],
      }),
    byProcess(metric('oom_kills'), ['Killed for want of memory', 'Any is one too many.'], 'ops'),
  );
}
