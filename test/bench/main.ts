/** main.ts [--rounds N] [NAME …]: measures what is named, or everything. Needs root, clang and gcc. */
import { parseArgs } from 'node:util';

const BENCHES: Readonly<Record<string, () => Promise<{ run(rounds: number): Promise<void> }>>> = {
  syscall: () => import('./syscall.ts'),
  sched: () => import('./sched.ts'),
  'file-io': () => import('./file-io.ts'),
  faults: () => import('./faults.ts'),
  tcp: () => import('./tcp.ts'),
  messages: () => import('./messages.ts'),
  'memory-calls': () => import('./memory-calls.ts'),
  block: () => import('./block.ts'),
  collection: () => import('./collection.ts'),
  credited: () => import('./credited.ts'),
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
for (const name of names) {
  const { run } = await BENCHES[name]!();
  await run(Number(values.rounds));
}
