import { setTimeout as wait } from 'node:timers/promises';
import { freeAddresses, RunningProgram, until } from './program.ts';
import { pathOf } from './programs.ts';

type Counts = Readonly<Record<string, number>>;

/** What the server fed, decoded and sent; see its README. */
export interface HubbleStats {
  readonly fed: Readonly<Record<string, Counts>>;
  readonly decoded: Readonly<Record<string, Counts>>;
  readonly grpc: Counts;
}

/** Everything that it can feed. */
export const WHOLE_MIX =
  'tcp=1,udp=1,icmp=1,world=1,svc=1,drop=1,verdict=1,http=2,grpc=1,dns=1,kafka=1,agent=1,debug=1,lost=1';

export interface HubbleServerOptions {
  /** Where certificates are made, and the unix socket is. */
  readonly folder: string;
  /** Entries of the ring: 2^n - 1. */
  readonly ring?: number;
  /** Cilium's own metrics to run beside. */
  readonly metrics?: string;
  /** Addresses to listen at again, after a restart. */
  readonly addresses?: readonly string[];
  readonly more?: readonly string[];
}

/** Cilium's own Hubble server, fed with known events. */
export class HubbleServer implements AsyncDisposable {
  readonly plain: string;
  readonly tls: string;
  readonly mtls: string;
  readonly socket: string;
  readonly addresses: readonly string[];
  readonly #program: RunningProgram;
  readonly #stats: string;

  private constructor(program: RunningProgram, addresses: readonly string[], folder: string) {
    this.#program = program;
    this.addresses = addresses;
    [this.plain, this.tls, this.mtls, this.#stats] = addresses as [string, string, string, string];
    this.socket = `${folder}/hubble.sock`;
  }

  static async start(options: HubbleServerOptions): Promise<HubbleServer> {
    const { folder, ring = 4095, metrics, more = [] } = options;
    const addresses = options.addresses ?? (await freeAddresses(4));
    const program = new RunningProgram([
      pathOf('hubble-server'),
      ...['-listen', addresses[0]!, '-listen-tls', addresses[1]!, '-listen-mtls', addresses[2]!],
      ...['-stats', addresses[3]!, '-unix', `${folder}/hubble.sock`, '-tls-dir', folder],
      ...['-rate', '0', '-ring', String(ring)],
      ...(metrics === undefined ? [] : ['-hubble-metrics', metrics]),
      ...more,
    ]);
    const server = new HubbleServer(program, addresses, folder);
    await until(
      () => program.output.includes('ready') || program.log.includes('ready'),
      () => `The Hubble server did not start:\n${program.log}`,
      () => program.hasEnded,
    );
    await until(
      () =>
        server.stats().then(
          () => true,
          () => false,
        ),
      () => 'The Hubble server has no /stats.',
    );
    return server;
  }

  /** Feeds so many rounds, and returns when all was decoded. One event that is no flow comes after them. */
  async feed(rounds: number, mix = WHOLE_MIX): Promise<void> {
    await this.#get(`/feed?rounds=${rounds}&rate=0&mix=${mix}`);
  }

  async stats(): Promise<HubbleStats> {
    return JSON.parse(await this.#get('/stats')) as HubbleStats;
  }

  /** Cilium's own page. */
  metrics(): Promise<string> {
    return this.#get('/metrics');
  }

  /** Waits for so many open streams. */
  async hasStreams(count: number): Promise<void> {
    await until(
      async () => (await this.stats()).grpc['streams_open'] === count,
      () => `There are not ${count} streams.`,
    );
    // The stream is counted before its reader stands in the ring.
    await wait(50);
  }

  kill(): Promise<number | null> {
    return this.#program.kill();
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`http://${this.#stats}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.text();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
