import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { agent, type Contender, peer } from './contender.ts';
import { printTable } from './table.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SECONDS = 20;

/** Memory and CPU of an agent with all defaults that nobody asks anything, collected every 15 s. */
export async function run(): Promise<void> {
  const yaml = JSON.stringify({
    receivers: {
      ebpf: { collect_syscalls: true, collect_scheduler: true, collect_memory: true, scrape_interval: '5s' },
    },
    processors: { batch: {} },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    service: {
      admin: { endpoint: 'none' },
      telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: 0 } } } }] } },
      pipelines: { metrics: { receivers: ['ebpf'], processors: ['batch'], exporters: ['prometheus'] } },
    },
  });
  const contenders: Contender[] = [agent('sources', yaml)];
  const dist = `${root}dist/pipeline/cli.js`;
  if (existsSync(dist)) {
    contenders.push(
      peer(
        'dist',
        ['env', 'BPFLOW_DIST=1', process.execPath, `${root}bin/bpflow`, 'run', '--config', `yaml:${yaml}`],
        'Everything is ready',
      ),
    );
  } else process.stdout.write('idle: no dist/; run `npm run build` first to measure it.\n');
  const rows = [];
  for (const contender of contenders) {
    const running = await contender.start();
    await wait(2000);
    const before = cpuSeconds(running.pid);
    await wait(SECONDS * 1000);
    const used = cpuSeconds(running.pid) - before;
    const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
    const mib = (key: string) => (Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024).toFixed(1);
    rows.push({
      what: contender.name,
      'RSS MiB': mib('VmRSS'),
      'peak MiB': mib('VmHWM'),
      'CPU %': ((used / SECONDS) * 100).toFixed(2),
      budget: contender.name === 'dist' ? '≤ 83 MiB, < 0.3 %' : '',
    });
    await running.stop();
  }
  printTable(`idle: after ${SECONDS} s, collected every 5 s`, rows);
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
