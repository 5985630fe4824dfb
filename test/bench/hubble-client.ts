/**
 * hubble-client receiver|proto-loader ADDRESS ROUNDS ROOT SUFFIX: reads the whole ring of a Hubble server each round; a line of JSON for
 * each. ROOT and SUFFIX say whose modules are measured: the sources (.ts) or dist/ (.js). Memory is kept as `bpflow run` keeps it.
 */
import { join } from 'node:path';

const [kind, address, rounds, root, suffix] = process.argv.slice(2) as [string, string, string, string, string];
const load = async <T>(path: string): Promise<T> => (await import(join(root, `${path}${suffix}`))) as T;
const memory = await load<typeof import('../../pipeline/cli/memory.ts')>('pipeline/cli/memory');
memory.keepYoungGenerationSmall();
const readRing = kind === 'receiver' ? await receiver() : await protoLoader();
const { releaseMemory } = await load<typeof import('../../sdk/transport/collect.ts')>('sdk/transport/collect');
releaseMemory();
const { loadHostMemory } = await load<typeof import('../../native/index.ts')>('native/index');
loadHostMemory().releaseMappedFiles();
// The first rounds are those of the compiler.
for (let round = -2; round < Number(rounds); round++) {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const flows = await readRing();
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = (flows / (performance.now() - begun)) * 1000;
  if (round < 0) continue;
  const rssMib = process.memoryUsage.rss() / 2 ** 20;
  process.stdout.write(`${JSON.stringify({ flows, perSecond, cpuMicros: (user + system) / flows, rssMib })}\n`);
}
process.exit(0);

/** The client and the intake of the receiver: all metrics, as they are by default. */
async function receiver(): Promise<() => Promise<number>> {
  type Client = typeof import('../../receivers/hubble/client.ts');
  type Configuration = typeof import('../../receivers/hubble/config.ts');
  type Intake = typeof import('../../receivers/hubble/flow-intake.ts');
  const { ObserverClient } = await load<Client>('receivers/hubble/client');
  const { config } = await load<Configuration>('receivers/hubble/config');
  const { FlowIntake } = await load<Intake>('receivers/hubble/flow-intake');
  const settings = config.parse({ endpoint: address, max_flows_per_second: 0 });
  const client = await ObserverClient.open({
    target: `dns:${address}`,
    tls: undefined,
    serverName: undefined,
    userAgent: 'bench',
  });
  // GetFlowsRequest: 1 number (65,535), 9 first.
  const request = Uint8Array.of(1 << 3, 0xff, 0xff, 3, 9 << 3, 1);
  const intake = new FlowIntake({ config: settings, version: '0' });
  const taken = () => intake.counts.accepted + intake.counts.filtered;
  return async () => {
    const before = taken();
    await new Promise<void>((resolve, reject) => {
      client.flows(request, {
        opened() {},
        message: (bytes) => void intake.take(bytes),
        ended: (error) => (error === undefined ? resolve() : reject(error)),
      });
    });
    intake.takeMetrics(2n, 1n);
    return taken() - before;
  };
}

/** What most clients in JavaScript are: grpc-js and proto-loader, every message an object; it counts nothing. */
async function protoLoader(): Promise<() => Promise<number>> {
  const grpc = await import('@grpc/grpc-js');
  const { default: protobuf } = await import('protobufjs');
  const root = await protobuf.load(join(process.cwd(), 'receivers', 'hubble', 'hubble.proto'));
  const request = root.lookupType('observer.GetFlowsRequest');
  const response = root.lookupType('observer.GetFlowsResponse');
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  return () =>
    new Promise((resolve, reject) => {
      let flows = 0;
      const call = client.makeServerStreamRequest(
        '/observer.Observer/GetFlows',
        (value: object) => Buffer.from(request.encode(value).finish()),
        (bytes: Buffer) => response.toObject(response.decode(bytes), { longs: Number, defaults: true, oneofs: true }),
        { number: 65_535, first: true },
      );
      call.on('data', () => flows++);
      call.on('error', reject);
      call.on('end', () => resolve(flows));
    });
}
