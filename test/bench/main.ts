/** main.ts [--rounds N] [NAME …]: measures what is named, or everything. Needs root, clang, gcc and bpftool. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const BENCHES: Readonly<Record<string, () => Promise<{ run(rounds: number): Promise<void> }>>> = {
  syscall: () => import('./syscall.ts'),
  sched: () => import('./sched.ts'),
  'file-io': () => import('./file-io.ts'),
  faults: () => import('./faults.ts'),
  tcp: () => import('./tcp.ts'),
  ring: () => import('./ring.ts'),
  events: () => import('./events.ts'),
  scrape: () => import('./scrape.ts'),
  startup: () => import('./startup.ts'),
  idle: () => import('./idle.ts'),
  'otlp-encode': async () => ({ run: (await import('./otlp-codec.ts')).encode }),
  'otlp-decode': async () => ({ run: (await import('./otlp-codec.ts')).decode }),
  'otlp-relay': () => import('./otlp-relay.ts'),
  file: () => import('./file.ts'),
  sampling: () => import('./sampling.ts'),
  cardinality: () => import('./cardinality.ts'),
  'k8s-enrich': () => import('./k8s-enrich.ts'),
  hubble: () => import('./hubble.ts'),
};

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '10' } },
  allowPositionals: true,
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`Unknown: ${unknown.join(', ')}. There are ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(1);
}
const NEEDS_BPFTOOL: ReadonlySet<string> = new Set(['syscall', 'sched', 'file-io', 'faults', 'tcp']);
const hasBpftool = spawnSync('bpftool', ['version'], { stdio: 'ignore' }).status === 0;
for (const name of names) {
  if (NEEDS_BPFTOOL.has(name) && !hasBpftool) {
    process.stdout.write(`${name}: left out, it needs bpftool (apt-get install bpftool).\n`);
    continue;
  }
  const { run } = await BENCHES[name]!();
  await run(Number(values.rounds));
}
