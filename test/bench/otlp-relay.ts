import { missing } from '../peers/programs.ts';
import { collector, measureRelay, ownAgents, type Round, type Way } from './relay.ts';
import { median, spread } from './statistics.ts';
import { printTable } from './table.ts';

const SECONDS = 5;
const ways: readonly Way[] = [
  { name: 'gRPC, plain', protocol: 'grpc', received: 'none', sent: 'none' },
  { name: 'gRPC, plain in, gzip out', protocol: 'grpc', received: 'none', sent: 'gzip' },
  { name: 'gRPC, gzip in and out', protocol: 'grpc', received: 'gzip', sent: 'gzip' },
  { name: 'gRPC, zstd in and out', protocol: 'grpc', received: 'zstd', sent: 'zstd' },
  { name: 'HTTP, gzip in and out', protocol: 'http', received: 'gzip', sent: 'gzip' },
];

/** OTLP in, batch, OTLP out, in interleaved rounds beside the real Collector. */
export async function run(rounds: number): Promise<void> {
  const reason = missing('sink', 'loadgen') || undefined;
  if (reason !== undefined) {
    process.stdout.write(`otlp-relay: left out; ${reason}\n`);
    return;
  }
  const withoutReference = missing('otelcol');
  if (withoutReference !== false) process.stdout.write(`${withoutReference}\n`);
  const contenders = [...(withoutReference === false ? [collector] : []), ...ownAgents()];
  for (const way of ways) {
    const measured = contenders.map((): Round[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        measured[index]!.push(await measureRelay(contender, way, SECONDS));
      }
    }
    const reference = withoutReference === false ? measured[0]! : undefined;
    printTable(
      `otlp-relay: OTLP → batch → OTLP, ${way.name} (median [min-max])`,
      contenders.map(({ label }, index) => row(label, measured[index]!, reference)),
    );
  }
}

function row(what: string, rounds: readonly Round[], reference: readonly Round[] | undefined) {
  const all = (value: (round: Round) => number) => rounds.map(value);
  return {
    what,
    'points/s': spread(
      all(({ pointsPerSecond }) => pointsPerSecond),
      0,
    ),
    'CPU s per M points': spread(
      all(({ cpuSeconds }) => cpuSeconds),
      2,
    ),
    'RSS / peak MiB': `${median(all(({ rssMib }) => rssMib)).toFixed(0)} / ${median(all(({ peakMib }) => peakMib)).toFixed(0)}`,
    'p50 / p99 ms': `${median(all(({ p50Ms }) => p50Ms)).toFixed(1)} / ${median(all(({ p99Ms }) => p99Ms)).toFixed(1)}`,
    lost: Math.max(...all(({ lost }) => lost)),
    'rate, CPU × reference': reference === undefined ? '' : ratios(rounds, reference),
    budget: '≥ 1, ≤ 0.5',
  };
}

function ratios(rounds: readonly Round[], reference: readonly Round[]): string {
  const of = (value: (round: Round) => number) => median(rounds.map(value)) / median(reference.map(value));
  return `${of(({ pointsPerSecond }) => pointsPerSecond).toFixed(2)}, ${of(({ cpuSeconds }) => cpuSeconds).toFixed(2)}`;
}
