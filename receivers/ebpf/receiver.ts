import { existsSync } from 'node:fs';
import { cgroupTree, LocalContainers } from 'bpflow/containers';
import {
  asError,
  BPF,
  type Bpf,
  type Closeable,
  explainQuery,
  KUBERNETES,
  type Outlets,
  PermanentError,
  type Receiver,
  type Scope,
  StartError,
  type Timer,
} from 'bpflow/sdk';
import { Canary, isOwnUserCounted, publishCanary } from './canary.ts';
import { Collection } from './collection.ts';
import type { Config } from './config.ts';
import { configFor, eventOptionsOf } from './events/event-options.ts';
import { type Events, openEvents, publishEvents } from './events/events.ts';
import { WatchedPaths } from './events/watched-paths.ts';
import { explainMetric } from './explain.ts';
import { type ContainerVerdict, containerFilter } from './filters/container-filter.ts';
import { userRanges } from './filters/users.ts';
import { objectFolder } from './kernel/objects.ts';
import { obstacle } from './kernel/obstacle.ts';
import { Pins } from './kernel/pins.ts';
import { publishOwnMetrics, type RunTimes } from './own-metrics.ts';
import { adviceOf } from './plan/advice.ts';
import { publishFacts } from './told/publish.ts';
import type { SocketTable } from './told/socket-table.ts';

/** How long the kernel measures the programs' run time after the start. */
const RUN_TIME_WINDOW_MS = 1000;

export interface ReceiverOptions {
  /** Folder with the BPF objects; those that come with the agent by default. */
  readonly objects?: string;
}

/**
 * The receiver `ebpf`: counts in the kernel, hands on what was counted when asked to, or after `scrape_interval`; and hands on
 * events as they happen. It loads only what somebody takes.
 */
export class EbpfReceiver implements Receiver {
  readonly #config: Config;
  readonly #scope: Scope;
  readonly #next: Outlets<'metrics' | 'logs'>;
  readonly #objects: string;
  readonly #stopping = new AbortController();
  #collection: Collection | undefined;
  #events: Events | undefined;
  #sockets: SocketTable | undefined;
  #pins: Pins | undefined;
  #canary: Canary | undefined;
  #running: Promise<void> | undefined;
  #since = 0n;
  #timer: Timer | undefined;
  #statistics: Closeable | undefined;
  #statisticsTimer: Timer | undefined;
  #runTimes: RunTimes = 'not measured';

  /** Throws a StartError for a configuration that cannot work on any machine. */
  constructor(config: Config, scope: Scope, next: Outlets<'metrics' | 'logs'>, options: ReceiverOptions = {}) {
    if (config.btf_path !== '' && !existsSync(config.btf_path)) {
      throw new StartError(
        `btf_path: BTF not found: there is no file ${config.btf_path}. Correct it, or leave it empty.`,
      );
    }
    userRanges(config.user_filter);
    this.#config = configFor(config, new Set(Object.keys(next) as (keyof typeof next)[]));
    this.#scope = scope;
    this.#next = next;
    this.#objects = options.objects ?? objectFolder();
  }

  start(): void {
    this.#scope.inspect('explain', (query) => explainMetric(this.#collection, this.#config, explainQuery(query)));
    if (!this.#config.enabled) {
      this.#scope.health({ state: 'ok', summary: 'Switched off: enabled is false.' });
      return;
    }
    if (this.#config.labels.includes('pid') || this.#config.histogram_labels.includes('pid')) {
      this.#scope.log.warn('The label pid makes series for every process: memory and page grow with each one.', {
        max_groups: this.#config.max_groups,
        max_entries: this.#config.max_entries,
      });
    }
    if (this.#config.histogram_labels.length === 0 && filtersByName(this.#config)) {
      this.#scope.log.warn(
        'Histograms are of all processes together, whatever the filters by name say: name labels in histogram_labels.',
      );
    }
    const bpf = this.#scope.get(BPF);
    this.#load(bpf);
    if (this.#collection === undefined) return;
    this.#since = this.#scope.clock.now();
    publishOwnMetrics(
      this.#scope,
      () => this.#collection,
      () => this.#runTimes,
    );
    publishEvents(this.#scope, () => this.#events);
    this.#sockets = publishFacts(this.#scope, this.#collection, this.#config.socket_history);
    publishCanary(this.#scope, () => this.#canary);
    this.#startCanary(this.#collection);
    this.#measureRunTimes(bpf);
    this.#arm();
  }

  /** Collects now. Who asks while a collection runs shares it. Rejects as the consumer does; nothing is lost then but what it refused for good. */
  collect(abort: AbortSignal): Promise<void> {
    this.#running ??= this.#collect(abort).finally(() => {
      this.#running = undefined;
      this.#arm();
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#canary?.stop();
    this.#endStatistics();
    this.#sockets?.close();
    if (this.#collection === undefined) return;
    try {
      await this.#events?.stop();
      await this.#running?.catch(() => {});
      await this.#collect(this.#stopping.signal);
    } catch (error) {
      this.#scope.log.error('The last collection was not taken: its counts are lost.', {
        error: asError(error).message,
      });
    } finally {
      this.#timer?.cancel();
      this.#stopping.abort();
      this.#unpin();
      this.#collection.close();
      this.#collection = undefined;
    }
  }

  #load(bpf: Bpf): void {
    const { log } = this.#scope;
    const why = obstacle(bpf, this.#config.btf_path);
    try {
      if (why !== undefined) throw new Error(why);
      this.#collection = new Collection(bpf, {
        config: this.#config,
        objects: this.#objects,
        version: this.#scope.agent.version,
        containers: this.#containers(),
      });
    } catch (thrown) {
      const reason = adviceOf(asError(thrown));
      log.warn('The kernel cannot be observed; the agent goes on without.', { reason });
      this.#scope.health({ state: 'unavailable', summary: reason });
      return;
    }
    const options = eventOptionsOf(this.#config);
    if (this.#next.logs !== undefined && options !== undefined) {
      const watched = new WatchedPaths(this.#config.monitor_paths, this.#config.exclude_paths);
      this.#events = openEvents(this.#collection, this.#scope, this.#next.logs, watched, options);
    }
    this.#reportHealth(this.#collection, this.#pin(bpf, this.#collection));
    this.#reportSampling(this.#collection.kernel.sampleShift);
    this.#reportCgroups();
  }

  #reportCgroups(): void {
    const { log } = this.#scope;
    const tree = cgroupTree();
    if (tree === undefined) {
      log.warn('No tree of cgroups is mounted here: nothing that is counted has a container.', {
        expected: '/sys/fs/cgroup',
      });
    } else if (tree.controller !== undefined) {
      log.info('Containers are told by a hierarchy of cgroup version 1, for version 2 is not in use here.', {
        controller: tree.controller,
        path: tree.path,
      });
    }
  }

  /** Why maps and programs have no names for other tools, where they shall: they count all the same. */
  #pin(bpf: Bpf, { kernel }: Collection): string | undefined {
    if (this.#config.pin_path === '') return undefined;
    try {
      this.#pins = new Pins(bpf, this.#config.pin_path, { maps: kernel.maps(), programs: kernel.attached });
      return undefined;
    } catch (thrown) {
      const { message } = asError(thrown);
      this.#scope.log.error('Maps and programs are not pinned; all is counted nevertheless.', { reason: message });
      return message;
    }
  }

  /** Its first round is made at once. */
  #startCanary({ kernel }: Collection): void {
    const { canary: intervalMs, user_filter: users } = this.#config;
    if (intervalMs === 0) return;
    const [groups, calls] = [kernel.map('process', 'groups'), kernel.map('syscall', 'syscalls')];
    if (groups === undefined || calls === undefined || !kernel.serves('sys_exit')) {
      this.#scope.log.warn(
        'There is no canary: its calls are counted with collect_syscalls in a pipeline of metrics only.',
      );
      return;
    }
    const { clock, log } = this.#scope;
    const isCounted = isOwnUserCounted(userRanges(users));
    this.#canary = new Canary({ groups, calls, isCounted, clock, log, intervalMs });
    this.#scope.inspect('canary', () => {
      const { made, error, problem } = this.#canary!;
      return { made, error, problem };
    });
    void this.#canary.check();
  }

  #unpin(): void {
    try {
      this.#pins?.close();
    } catch (error) {
      this.#scope.log.warn('What was pinned is left behind; the next start replaces it.', {
        path: this.#config.pin_path,
        error: asError(error).message,
      });
    }
    this.#pins = undefined;
  }

  #containers(): ContainerVerdict | undefined {
    const { container_filter: containers, namespace_filter: namespaces } = this.#config;
    const kubernetes = this.#scope.find(KUBERNETES);
    if (namespaces.length > 0 && kubernetes === undefined) {
      this.#scope.log.error(
        'namespace_filter lets nothing through: it needs the extension kubernetes among service.extensions.',
      );
    }
    const local = new LocalContainers({ docker: '/var/lib/docker', podman: ['/var/lib/containers/storage'] });
    return containerFilter({ containers, namespaces, kubernetes, local });
  }

  #reportSampling(shift: number): void {
    if (shift === 0) return;
    this.#scope.log.info('Latencies and events are sampled; counters are not.', {
      sample_rate: this.#config.sample_rate,
      one_in: 2 ** shift,
    });
  }

  #reportHealth({ kernel, described, attached: all }: Collection, unpinned: string | undefined): void {
    const failed = kernel.programs.filter(({ state }) => state !== 'attached');
    for (const { program, reason, log } of failed) {
      this.#scope.log.warn('A BPF program is not attached.', {
        program,
        reason,
        ...(log && { verifier: log.join('\n') }),
      });
    }
    for (const { file, used, reason } of kernel.objects) {
      if (used) this.#scope.log.info('An object of programs_path is used.', { file, reason });
      else this.#scope.log.warn('An object of programs_path is not used; the packaged one is.', { file, reason });
    }
    for (const { file, reason } of described.refused) {
      this.#scope.log.warn('A description of programs_path is not used.', { file, reason });
    }
    const refused = described.refused.map(({ file, reason }) => `${file} is not used: ${reason}.`);
    const details = [
      ...(kernel.pod === undefined ? [] : [`Only what runs in the agent's pod counts: ${kernel.pod.path}.`]),
      `${all.size} programs are attached: ${[...all.keys()].join(', ')}.`,
      ...failed.map(({ program, reason }) => `${program} is not attached: ${reason}.`),
      ...kernel.missing.map((role) => role.without),
      ...refused,
      ...(unpinned === undefined ? [] : [unpinned]),
    ];
    const problem = kernel.missing[0]?.without ?? refused[0] ?? unpinned;
    if (problem === undefined) {
      this.#scope.health({
        state: 'ok',
        summary: `Counts ${this.#subjects(described.programs.length > 0)} of every process${kernel.pod ? ' in the pod' : ''}.`,
        details,
      });
    } else {
      const summary = kernel.missing.length > 0 ? `Not everything can be counted here. ${problem}` : problem;
      this.#scope.health({ state: 'degraded', summary, details });
    }
  }

  #subjects(hasPrograms: boolean): string {
    const subjects = [
      ...(this.#config.collect_syscalls ? ['system calls'] : []),
      ...(this.#config.collect_scheduler ? ['run time, context switches and run queue waits'] : []),
      ...(this.#config.collect_file_io ? ['file I/O'] : []),
      ...(this.#config.collect_network ? ['network'] : []),
      ...(this.#config.collect_memory ? ['memory'] : []),
      ...(this.#config.collect_dns ? ['DNS'] : []),
      ...(this.#config.collect_http ? ['HTTP'] : []),
      ...(hasPrograms ? ['what programs of the user count'] : []),
      ...(this.#events ? ['events'] : []),
    ];
    return subjects.join(', ') || 'nothing: every collect_… is off, so no metric';
  }

  /** Counts the time until a collection is due anew. */
  #arm(): void {
    this.#timer?.cancel();
    if (this.#collection === undefined) return;
    this.#timer = this.#scope.clock.after(this.#config.scrape_interval, () => {
      this.collect(this.#stopping.signal).catch((error: unknown) => {
        this.#scope.log.warn('A collection was not taken; its counts come with the next one.', {
          error: asError(error).message,
        });
      });
    });
  }

  async #collect(abort: AbortSignal): Promise<void> {
    const collection = this.#collection;
    const next = this.#next.metrics;
    if (collection === undefined) return;
    const refusal = next?.refusal();
    if (refusal !== undefined) throw refusal;
    const time = this.#scope.clock.now();
    collection.read(this.#scope.clock.monotonic());
    const batch = collection.build(time, this.#since);
    if (batch !== undefined) {
      try {
        await next?.consume(batch, abort);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        this.#scope.log.error('A batch was refused for good: its counts are lost.', { error: error.message });
      }
    }
    collection.accepted();
    this.#since = time;
  }

  /** Run statistics double the cost of a small program, so they are on for one second only. */
  #measureRunTimes(bpf: Bpf): void {
    try {
      this.#statistics = bpf.enableStats();
    } catch (error) {
      this.#runTimes = `unavailable: ${asError(error).message}`;
      return;
    }
    this.#runTimes = 'being measured';
    this.#statisticsTimer = this.#scope.clock.after(RUN_TIME_WINDOW_MS, () => this.#endStatistics());
  }

  #endStatistics(): void {
    this.#statisticsTimer?.cancel();
    if (this.#statistics === undefined) return;
    this.#statistics.close();
    this.#statistics = undefined;
    const times = new Map<string, number>();
    for (const [name, program] of this.#collection?.attached ?? []) {
      const { runCount, runTimeNs } = program.info();
      if (runCount > 0n) times.set(name, Number(runTimeNs) / Number(runCount));
    }
    this.#runTimes = times;
  }
}

/** Whether there are filters that act in user space, on series of processes. */
function filtersByName(config: Config): boolean {
  const { process_filter, container_filter, namespace_filter, cgroup_filter } = config;
  return [process_filter, container_filter, namespace_filter, cgroup_filter].some((patterns) => patterns.length > 0);
}
