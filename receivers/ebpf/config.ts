import { isAbsolute, normalize } from 'node:path';
import { byteSize, duration, z } from 'bpflow/sdk';
import { DNS_PORTS } from '../../bpf/dns.gen.ts';
import { EVENT_STACK_DEPTH } from '../../bpf/events.gen.ts';
import { STACK_KINDS, type StackKind } from './events/event-types.ts';
import { isCgroupPattern } from './filters/cgroup-filter.ts';
import { isUser } from './filters/users.ts';
import { pageSize } from './kernel/page-size.ts';
import { SCOPES } from './kernel/scope.ts';
import { DNS_LABELS } from './metrics/dns/names.ts';
import { NETWORK_LABELS } from './metrics/net/flows.ts';
import { PRESET_NAMES, withPreset } from './presets.ts';
import { LABELS } from './series/labels.ts';

const MOST_RING_BYTES = 2 ** 30;
const CANARY_INTERVAL_MS = 60_000;
const LEAST_BUFFER_BYTES = 4096;
const MOST_BUFFER_BYTES = 2 ** 24;

const STACK_NAMES = Object.keys(STACK_KINDS) as [StackKind, ...StackKind[]];

const onOff = z
  .union([z.enum(['on', 'off']), z.boolean()], { error: 'must be on or off' })
  .transform((value) => value === true || value === 'on');

function feature(help: string) {
  return onOff.prefault('on').describe(help);
}

const labels = z.array(z.enum(LABELS)).transform((list) => [...new Set(list)]);

/** Names of executables: exact, with `*` and `?`, or a regular expression after `re:`. */
const patterns = z.array(
  z
    .string()
    .min(1)
    .refine(isPattern, { error: 'is no regular expression; write re:<expression>, or a name with * and ?' }),
);

const cgroups = patterns.refine((list) => list.every(isCgroupPattern), {
  error: 'is a path of the file system; write it from the root of the cgroup tree, without /sys/fs/cgroup',
});

const users = z.array(
  z
    .union([z.int(), z.string()])
    .transform(String)
    .refine(isUser, { error: 'must be a number, a range of them (1000-1999), or the name of a user' }),
);

const path = z
  .string()
  .refine((text) => text === '' || (isAbsolute(text) && normalize(text) === text && !text.endsWith('/')), {
    error: 'must be an absolute path without . and .. and without / at its end',
  });

const paths = z
  .array(z.string().refine((path) => isAbsolute(path) && path.length < 256, { error: 'must be an absolute path' }))
  .max(64, { error: 'must be at most 64 paths' });

function entries(most: number) {
  return z
    .int()
    .min(1, { error: 'must be at least 1' })
    .max(most, { error: `must be at most ${most}` });
}

/** The keys as they are, without presets. */
export const keys = z.strictObject({
  preset: z
    .enum(PRESET_NAMES)
    .default('default')
    .describe('A named set of keys, which keys that are written here override: default, high_performance, security.'),
  enabled: z.boolean().default(true).describe('false: the receiver stays idle and touches nothing in the kernel.'),
  scrape_interval: duration()
    .refine((ms) => ms >= 10, { error: 'must be at least 10ms' })
    .prefault('15s')
    .describe('Longest time between two collections; a scrape of the page collects at once.'),
  collect_syscalls: z.boolean().default(true).describe('System calls: count, errors by errno name, latency.'),
  syscall_latency: z
    .boolean()
    .default(true)
    .describe('Histogram of how long system calls take. false: counts and errors alone, at a third of the cost.'),
  collect_scheduler: z
    .boolean()
    .default(false)
    .describe('Scheduler: run time, context switches, waiting time on the run queue.'),
  collect_file_io: z.boolean().default(true).describe('Files: bytes read and written, opens, latency of calls.'),
  file_operations: z
    .boolean()
    .default(true)
    .describe('Opens with their errors, and the latency of calls on files. false: bytes alone, which cost nothing.'),
  block_io: z.boolean().default(true).describe('Latency of requests to block devices, by device and operation.'),
  regular_files: onOff
    .prefault('off')
    .describe('on: bytes of regular files alone, by following each call that reads or writes one, at its cost.'),
  collect_memory: z
    .boolean()
    .default(false)
    .describe('Memory: page faults, resident memory, allocations, OOM kills, pressure.'),
  memory_allocations: z
    .boolean()
    .default(true)
    .describe('Allocations of pages and address space, at a cost for each. false: the rest of the memory group alone.'),
  memory_slab: z
    .boolean()
    .default(false)
    .describe("Allocations of the kernel's own objects (slab), too: a program for each of them, which are many."),
  collect_network: z
    .boolean()
    .default(true)
    .describe('Network: bytes and packets, TCP connections, connect latency, round-trip time, retransmits.'),
  network_messages: z
    .boolean()
    .default(false)
    .describe('true: UDP and UNIX sockets too, at a cost for each call that sends or receives. false: TCP alone.'),
  network_labels: z
    .array(z.enum(NETWORK_LABELS))
    .default([])
    .describe(
      'What TCP traffic and connections are told apart by beside the process. Ports that were chosen at random are left out.',
    ),
  collect_dns: z
    .boolean()
    .default(false)
    .describe('DNS in clear text, as its clients see it: queries, responses by code, latency. Needs CAP_NET_ADMIN.'),
  dns_ports: z
    .array(z.int().min(1).max(65_535))
    .min(1, { error: 'must have at least one port; to switch DNS off, set collect_dns to false' })
    .max(DNS_PORTS, { error: `must be at most ${DNS_PORTS} ports` })
    .default([53])
    .describe('Ports of DNS servers, UDP and TCP.'),
  dns_labels: z
    .array(z.enum(DNS_LABELS))
    .default([])
    .describe('What DNS is told apart by beside the process. name: the name asked for; 1024 at a time have series.'),
  dns_timeout: duration()
    .refine((ms) => ms > 0, { error: 'must be more than 0' })
    .prefault('10s')
    .describe('A query without a response for so long is unanswered; a response that comes later answers nothing.'),
  collect_dns_events: z
    .boolean()
    .default(true)
    .describe('Events of DNS queries and responses, where collect_dns is on. false: its metrics alone.'),
  collect_http: z
    .boolean()
    .default(false)
    .describe(
      'HTTP/1.x in clear text, as clients and servers see it: requests, responses by code, duration. Needs CAP_NET_ADMIN.',
    ),
  socket_history: entries(1_000_000)
    .default(16_384)
    .describe(
      'Ended TCP sockets that are remembered for components that join with them (hubble: join). None while nobody does.',
    ),
  labels: labels
    .prefault(['process'])
    .describe('What series are told apart by. pid makes a series for every process and costs accordingly.'),
  histogram_labels: labels
    .prefault([])
    .describe('The same for histograms, whose entries are about fifty times as large as those of counters.'),
  histograms: z
    .enum(['explicit', 'exponential'])
    .default('explicit')
    .describe(
      'Histograms with fixed bounds (powers of two), or exponential ones of scale 0. The buckets are the same.',
    ),
  process_filter: patterns
    .default([])
    .describe(
      'Only processes whose executable has one of these names: exact, with * and ?, or re:<expression>. Empty: all.',
    ),
  exclude_processes: patterns
    .default(['tfo-agent', 'systemd'])
    .describe(
      'Processes to leave out, written as in process_filter. The agent itself is always left out, by its process id.',
    ),
  container_filter: patterns
    .default([])
    .describe(
      'Only containers of these names, written as in process_filter: as in the pod, or as Docker and Podman have it. Empty: everything.',
    ),
  namespace_filter: patterns
    .default([])
    .describe('Only pods of these namespaces; needs the extension kubernetes. Empty: everything.'),
  cgroup_filter: cgroups
    .default([])
    .describe(
      'Only cgroups with these paths from the root of the cgroup v2 tree, and all below them: exact, with * and ?, or re:<expression>. Empty: all.',
    ),
  user_filter: users
    .prefault([])
    .describe(
      'Only tasks of these effective users: numbers, ranges of them (1000-1999), or names of /etc/passwd. Empty: all.',
    ),
  scope: z
    .enum(SCOPES)
    .default('auto')
    .describe(
      "host: everything that runs. pod: what runs in the agent's own pod. auto: pod in a sidecar that does not share the host's process ids, else host.",
    ),
  collect_process_events: z
    .boolean()
    .default(true)
    .describe('Events of processes: fork, exec, exit. Like all events they need the receiver in a logs pipeline.'),
  event_arguments: z
    .boolean()
    .default(true)
    .describe('The first 1024 bytes of the arguments of a program that is executed. false: none, they may be secret.'),
  collect_signal_events: z.boolean().default(false).describe('Events of signals that are sent, but for SIGCHLD.'),
  collect_oom_events: z.boolean().default(true).describe('Events of processes that are killed for want of memory.'),
  collect_container_events: z
    .boolean()
    .default(true)
    .describe('Events of containers: created, first program started, removed.'),
  collect_tcp_events: z.boolean().default(true).describe('Events of TCP connections: connect, accept, close.'),
  monitor_paths: paths
    .default([])
    .describe('Events of files at and below these paths: opened, renamed, removed, given another mode. Empty: none.'),
  exclude_paths: paths.default([]).describe('What is left out of monitor_paths, with everything below.'),
  collect_namespace_events: z
    .boolean()
    .default(false)
    .describe('Events of namespaces that a process joins or makes: setns, unshare, clone.'),
  collect_privilege_events: z
    .boolean()
    .default(false)
    .describe('Events of users, groups and capabilities that a process changes: setuid and its like, capset, exec.'),
  collect_cgroup_events: z.boolean().default(false).describe('Events of processes that are moved to another cgroup.'),
  memory_threshold: byteSize()
    .prefault('1GiB')
    .describe('Event when the resident memory of a process passes this size. 0: none.'),
  stack_traces: z
    .array(z.enum(STACK_NAMES))
    .default([])
    .describe('Events that are told with the stack of who did it, at its cost for each. Empty: none.'),
  max_stack_depth: entries(EVENT_STACK_DEPTH)
    .default(20)
    .describe('Frames of the kernel, and as many of the process, that a stack has at most.'),
  event_rate_limit: entries(1_000_000)
    .default(10_000)
    .describe('Events of each kind in a second. What is above is dropped in the kernel, and counted.'),
  ring_buffer_size: z
    .int()
    .refine(isRingSize, { error: `must be a power of two from ${pageSize()} (one page) to ${MOST_RING_BYTES}` })
    .default(65_536)
    .describe('Bytes of the ring between the kernel and the agent. What finds no room is dropped, and counted.'),
  perf_buffer_size: z
    .int()
    .refine(isBufferSize, { error: `must be a power of two from ${LEAST_BUFFER_BYTES} to ${MOST_BUFFER_BYTES}` })
    .default(8192)
    .describe(
      "Bytes of each CPU's buffer where there is no ring (before Linux 5.8); a page at least. What finds no room is dropped, and counted.",
    ),
  sample_rate: z
    .number()
    .min(1, { error: 'is a percentage, from 1 to 100' })
    .max(100, { error: 'is a percentage, from 1 to 100' })
    .default(100)
    .describe(
      'Percentage of calls, waits and events that are timed and told, each for all of them: the nearest of 100, 50, 25, 12.5, … (1 in 2, 4, 8, …). Counters are never sampled.',
    ),
  idle_timeout: duration()
    .prefault('5m')
    .describe('A series group that has not changed and has no living task for so long is retired: its series end.'),
  max_groups: entries(1_048_576)
    .default(4096)
    .describe(
      'Series groups (executable, cgroup, …) that can live at a time. What does not fit is counted as `other`.',
    ),
  max_entries: entries(16_777_216)
    .default(16_384)
    .describe('Entries of each map of counters in the kernel. What does not fit is counted as `other`.'),
  features: z
    .strictObject({
      tp_btf: feature('Typed tracepoints. off: raw tracepoints.'),
      raw_tp: feature('Raw tracepoints. off: nothing is left below typed ones.'),
      trace_events: z
        .union([z.literal('auto'), onOff])
        .prefault('auto')
        .describe(
          'Calls are counted at trace events, where no task is preempted. auto: on Linux 7 and newer, where tracepoints miss calls.',
        ),
      fentry: feature(
        'Programs at the end of functions (fexit), where there is no tracepoint: messages of UDP and UNIX sockets before Linux 6.3.',
      ),
      kprobe: feature('Function entry by breakpoint. Nothing uses it.'),
      ringbuf: feature('One ring for events. off: a buffer of each CPU, which wakes the agent for each of them.'),
      task_storage: feature("State in the task itself. off: in a hash by the task's address."),
      sk_storage: feature(
        "State in the socket itself. off: in a table by the socket's address, as on Linux 7 and before 5.11.",
      ),
      iterators: feature('Walking the living tasks. off: run time and switches are counted at each switch.'),
      batch: feature('Reading many map entries by one call. off: one by one.'),
    })
    .prefault({})
    .describe('Kernel facilities that can be switched off, so that the fallback is used.'),
  canary: z
    .union([
      z.boolean().transform((on) => (on ? CANARY_INTERVAL_MS : 0)),
      duration().refine((ms) => ms >= 1000, { error: 'must be at least 1s' }),
    ])
    .prefault(false)
    .describe(
      'true, or an interval instead of a minute: a child process makes 1000 system calls so often, and bpflow_exactness_error tells how many of them were counted wrongly.',
    ),
  programs_path: path
    .default('')
    .describe(
      'Folder with BPF objects of your own: those with a description beside them are loaded with what it says; those with the name, structs, maps and programs of one of the agent stand before it. Empty: none.',
    ),
  collect_programs: z
    .boolean()
    .default(true)
    .describe('Metrics of the programs that are described in programs_path. false: none of them is loaded.'),
  pin_path: path
    .default('')
    .describe(
      'Folder in a BPF file system, where maps and programs have names for other tools while the agent runs: /sys/fs/bpf/bpflow. Empty: none.',
    ),
  btf_path: z.string().default('').describe("File with the kernel's BTF. Empty: the running kernel's own."),
});

export const config = z.preprocess(withPreset, keys);

export type Config = z.output<typeof keys>;

function isRingSize(bytes: number): boolean {
  return bytes >= pageSize() && bytes <= MOST_RING_BYTES && Number.isInteger(Math.log2(bytes));
}

function isBufferSize(bytes: number): boolean {
  return bytes >= LEAST_BUFFER_BYTES && bytes <= MOST_BUFFER_BYTES && Number.isInteger(Math.log2(bytes));
}

function isPattern(text: string): boolean {
  if (!text.startsWith('re:')) return true;
  try {
    new RegExp(text.slice(3), 'u');
    return true;
  } catch {
    return false;
  }
}
