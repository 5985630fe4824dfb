/** hubble-client.ts receiver|proto-loader ADDRESS ROUNDS: reads the whole ring of a Hubble server each round; a line of JSON for each. */
import { join } from 'node:path';
import { WireWriter } from 'bpflow/sdk';
import { ObserverClient } from '../../receivers/hubble/client.ts';
import { config } from '../../receivers/hubble/config.ts';
import { FlowIntake } from '../../receivers/hubble/flow-intake.ts';

const [kind, address, rounds] = process.argv.slice(2) as [string, string, string];
const readRing = kind === 'receiver' ? await receiver() : await protoLoader();
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
  const settings = config.parse({ endpoint: address, max_flows_per_second: 0 });
  const client = await ObserverClient.open({
    target: `dns:${address}`,
    tls: undefined,
    serverName: undefined,
    userAgent: 'bench',
  });
  const writer = new WireWriter();
  // GetFlowsRequest: 1 number, 9 first.
  writer.tag(1, 0);
  writer.varint(65_535);
  writer.tag(9, 0);
  writer.varint(1);
  const request = writer.take();
  return async () => {
    const intake = new FlowIntake({ config: settings, version: '0' });
    await new Promise<void>((resolve, reject) => {
      client.flows(request, {
        opened() {},
        message: (bytes) => void intake.take(bytes),
        ended: (error) => (error === undefined ? resolve() : reject(error)),
      });
    });
    intake.takeMetrics(2n, 1n);
    return intake.counts.accepted + intake.counts.filtered;
  };
}

/** What most clients in JavaScript are: grpc-js and proto-loader, every message an object; it counts nothing. */
async function protoLoader(): Promise<() => Promise<number>> {
  const grpc = await import('@grpc/grpc-js');
  const { default: protobuf } = await import('protobufjs');
  const root = await protobuf.load(join(import.meta.dirname, '..', '..', 'receivers', 'hubble', 'hubble.proto'));
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
