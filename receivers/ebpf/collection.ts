import { CgroupPaths } from 'bpflow/containers';
import {
  type Bpf,
  type BpfProgram,
  createScope,
  type Metric,
  type MetricBatch,
  metricBatch,
  SeriesInterner,
} from 'bpflow/sdk';
import type { Config } from './config.ts';
import { eventOptionsOf } from './events/event-options.ts';
import { cgroupFilter } from './filters/cgroup-filter.ts';
import type { ContainerVerdict } from './filters/container-filter.ts';
import { Gates } from './filters/gate.ts';
import { processFilter } from './filters/process-filter.ts';
import { userRanges } from './filters/users.ts';
import { Kernel } from './kernel/kernel.ts';
import type { KernelOptions } from './kernel/options.ts';
import { pageSize } from './kernel/page-size.ts';
import { tracepointsMiss } from './kernel/preemption.ts';
import { blockSource } from './metrics/block/block.ts';
import { DnsSource } from './metrics/dns/dns.ts';
import { fileSource } from './metrics/fileio/fileio.ts';
import { httpSource } from './metrics/http/http.ts';
import { memorySource } from './metrics/mem/mem.ts';
import { PressureSource } from './metrics/mem/pressure.ts';
import { InterfacesSource } from './metrics/net/interfaces.ts';
import { NetworkSource } from './metrics/net/net.ts';
import { runQueueSource } from './metrics/sched/sched.ts';
import { syscallSource } from './metrics/syscall/syscall.ts';
import { DescribedObjects, describedFolder } from './programs/described-objects.ts';
import type { Subject } from './series/credits.ts';
import { Groups } from './series/groups.ts';
import type { Label } from './series/labels.ts';
import type { MapUsage, MetricSource } from './series/metric-source.ts';
import { sampleShiftOf } from './series/sampling.ts';
import { TotalsSource } from './series/totals.ts';

/** Ended series that a table of series may hold before a new one is begun. */
const ENDED_SERIES = 4096;

export interface CollectionOptions {
  readonly config: Config;
  /** Folder with the BPF objects. */
  readonly objects: string;
  /** The agent's version. */
  readonly version: string;
  readonly cgroups?: CgroupPaths;
  /** Which containers count; undefined: everything. */
  readonly containers?: ContainerVerdict | undefined;
}

/**
 * The attached kernel half, and what it has counted since a batch was last accepted. A collection is `read`, then `build`, then
 * `accepted` once somebody has taken the batch; without that the same data comes with the next batch.
 */
export class Collection {
  readonly kernel: Kernel;
  /** Programs of the user's own. */
  readonly described: DescribedObjects;
  readonly groups: Groups;
  /** Whether what runs in the cgroup with this path counts. */
  readonly isCgroupWanted: (path: string | undefined) => boolean;
  readonly #sources: readonly MetricSource[];
  readonly #interner = new SeriesInterner();
  #ended = 0;

  /** Loads, attaches and sets the baseline. Throws a BpfError. */
  constructor(bpf: Bpf, options: CollectionOptions) {
    const { config } = options;
    const kernelOptions = kernelOptionsOf(options);
    this.kernel = Kernel.load(bpf, kernelOptions);
    this.described = new DescribedObjects(bpf, describedFolder(config), config.btf_path);
    const batch = config.features.batch;
    const { containers } = options;
    const isProcessWanted = processFilter(config.process_filter, config.exclude_processes);
    this.isCgroupWanted = cgroupFilter(config.cgroup_filter);
    this.groups = new Groups(this.kernel.map('process', 'groups')!, {
      cgroups: options.cgroups ?? new CgroupPaths({ made: (id) => this.kernel.cgroupPath(id) }),
      counts: (process, cgroup) => isProcessWanted(process) && this.isCgroupWanted(cgroup),
      gates: containers && new Gates(containers),
      idleTimeoutMs: config.idle_timeout,
      batch,
    });
    const context = {
      groups: this.groups,
      interner: this.#interner,
      scope: createScope('bpflow/receivers/ebpf', options.version),
      labels: config.labels,
      histogramLabels: config.histogram_labels,
      histograms: config.histograms,
      batch,
    };
    const { syscalls, scheduler, files, memory, network, dns, http } = kernelOptions;
    const subjects = subjectsOf(config);
    const sources: MetricSource[] = [new TotalsSource(this.kernel, { ...context, subjects, pageSize: pageSize() })];
    if (syscalls && this.kernel.serves('sys_exit')) {
      sources.push(syscallSource(this.kernel, { ...context, latencyByGroup: syscalls.latencyByGroup }));
    }
    if (scheduler && this.kernel.serves('sched_switch')) {
      sources.push(runQueueSource(this.kernel, { ...context, waitByGroup: scheduler.waitByGroup }));
    }
    if (files && this.kernel.serves('file_exit')) sources.push(fileSource(this.kernel, { ...context, ...files }));
    if (memory) sources.push(memorySource(this.kernel, { ...context, ...memory, pageSize: pageSize() }));
    if (this.kernel.serves('block_issue') && this.kernel.serves('block_complete')) {
      sources.push(blockSource(this.kernel, context));
    }
    if (memory) sources.push(new PressureSource(context));
    if (network) {
      sources.push(new InterfacesSource(context));
      const { network_labels: networkLabels, idle_timeout: idleTimeoutMs } = config;
      const { timesByGroup } = network;
      sources.push(new NetworkSource(this.kernel, { ...context, timesByGroup, networkLabels, idleTimeoutMs }));
    }
    if (dns && this.kernel.serves('dns_send')) {
      const { dns_labels: dnsLabels, dns_timeout: timeoutMs, idle_timeout: idleTimeoutMs } = config;
      const { timesByGroup } = dns;
      const monotonicNs = () => process.hrtime.bigint();
      const told = { timesByGroup, dnsLabels, timeoutMs, idleTimeoutMs, monotonicNs };
      sources.push(new DnsSource(this.kernel, { ...context, ...told }));
    }
    if (http && this.kernel.serves('http_send') && this.kernel.serves('http_receive')) {
      sources.push(httpSource(this.kernel, { ...context, ...http }));
    }
    sources.push(...this.described.sources(context));
    this.#sources = sources;
  }

  /** Reads everything. `nowMs`: monotonic time. Ends groups that are idle. */
  read(nowMs: number): void {
    this.groups.begin(nowMs);
    const generation = this.kernel.creditLiving();
    for (const source of this.#sources) source.collect();
    if (!this.kernel.walksLiving) return;
    const ended = this.groups.retire(generation);
    if (ended.size > 0) for (const source of this.#sources) source.forget(ended);
  }

  /** Everything that was not accepted yet; undefined when there is nothing. Times in ns since 1970. */
  build(time: bigint, startTime: bigint): MetricBatch | undefined {
    const metrics: Metric[] = [];
    for (const source of this.#sources) {
      for (const pending of source.metrics) {
        const metric = pending.build(time, startTime);
        if (metric !== undefined) metrics.push(metric);
      }
    }
    return metrics.length === 0 ? undefined : metricBatch(metrics);
  }

  /** The batch that was built last is somebody else's now. */
  accepted(): void {
    for (const source of this.#sources) for (const pending of source.metrics) this.#ended += pending.accepted();
    if (this.#ended < ENDED_SERIES || this.#ended * 2 < this.#interner.table.size) return;
    this.#interner.rotate();
    this.#ended = 0;
  }

  get sources(): readonly MetricSource[] {
    return this.#sources;
  }

  /** Every attached program by name. */
  get attached(): ReadonlyMap<string, BpfProgram> {
    return new Map([...this.kernel.attached, ...this.described.attached]);
  }

  usage(): readonly MapUsage[] {
    return this.#sources.flatMap((source) => source.usage());
  }

  close(): void {
    this.described.close();
    this.kernel.close();
  }
}

function subjectsOf(config: Config): ReadonlySet<Subject> {
  return new Set<Subject>([
    ...(config.collect_scheduler ? (['scheduler'] as const) : []),
    ...(config.collect_file_io ? (['file'] as const) : []),
    ...(config.collect_memory ? (['memory'] as const) : []),
  ]);
}

/** What is to be loaded for a configuration. */
export function kernelOptionsOf({ config, objects }: Pick<CollectionOptions, 'config' | 'objects'>): KernelOptions {
  const { features, labels, histogram_labels: histogramLabels } = config;
  const asked = (label: Label) => labels.includes(label) || histogramLabels.includes(label);
  const byGroup = histogramLabels.length > 0;
  return {
    source: { folder: objects, btfPath: config.btf_path },
    ownObjects: config.programs_path,
    allowed: {
      tpBtf: features.tp_btf,
      rawTp: features.raw_tp,
      taskStorage: features.task_storage,
      socketStorage: features.sk_storage,
      fexit: features.fentry,
      ringbuf: features.ringbuf,
      traceEvents: features.trace_events === 'auto' ? tracepointsMiss() : features.trace_events,
    },
    iterators: features.iterators,
    scope: { users: userRanges(config.user_filter), scope: config.scope },
    withPid: asked('pid'),
    withCommand: asked('command'),
    sampleShift: sampleShiftOf(config.sample_rate),
    maxGroups: config.max_groups,
    maxEntries: config.max_entries,
    syscalls: config.collect_syscalls ? { latency: config.syscall_latency, latencyByGroup: byGroup } : undefined,
    scheduler: config.collect_scheduler ? { waitByGroup: byGroup } : undefined,
    fileIo: config.collect_file_io,
    blockIo: config.collect_file_io && config.block_io,
    files:
      config.collect_file_io && (config.file_operations || config.regular_files)
        ? { operations: config.file_operations, regularFiles: config.regular_files, latencyByGroup: byGroup }
        : undefined,
    network: config.collect_network
      ? {
          messages: config.network_messages,
          timesByGroup: byGroup,
          labels: config.network_labels,
        }
      : undefined,
    dns: config.collect_dns
      ? { ports: config.dns_ports, names: config.dns_labels.includes('name'), timesByGroup: byGroup }
      : undefined,
    http: config.collect_http ? { timesByGroup: byGroup } : undefined,
    memory: config.collect_memory
      ? { allocations: config.memory_allocations, slab: config.memory_allocations && config.memory_slab }
      : undefined,
    events: eventOptionsOf(config),
  };
}
