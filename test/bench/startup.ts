import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { agent, type Contender, peer } from './contender.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** From the command to "Everything is ready", for the sources and for `dist/`, with the receiver on the real kernel. */
export async function run(rounds: number): Promise<void> {
  const yaml = JSON.stringify({
    receivers: { ebpf: { collect_syscalls: true, collect_scheduler: true } },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    service: {
      admin: { endpoint: 'none' },
      telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: 0 } } } }] } },
      pipelines: { metrics: { receivers: ['ebpf'], exporters: ['prometheus'] } },
    },
  });
  const contenders: Contender[] = [agent('sources, compile cache warm', yaml)];
  const dist = `${root}dist/pipeline/cli.js`;
  if (existsSync(dist)) {
    contenders.push(
      peer(
        'dist',
        ['env', 'BPFLOW_DIST=1', process.execPath, `${root}bin/bpflow`, 'run', '--config', `yaml:${yaml}`],
        'Everything is ready',
      ),
    );
  } else process.stdout.write('startup: no dist/; run `npm run build` first to measure it.\n');
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < rounds + 1; round++) {
    for (const [i, contender] of contenders.entries()) {
      const start = performance.now();
      const running = await contender.start();
      if (round > 0) times[i]!.push((performance.now() - start) / 1000);
      await running.stop();
    }
  }
  printTable(
    'startup: command to ready, s (median [min-max])',
    contenders.map(({ name }, i) => ({ what: name, s: spread(times[i]!, 3), budget: name === 'dist' ? '≤ 0.4' : '' })),
  );
}
