/** main.ts [--rounds N] [NAME …]: measures what is named, or everything. Needs root, clang, gcc and bpftool. */
import { parseArgs } from 'node:util';

const BENCHES: Readonly<Record<string, () => Promise<{ run(rounds: number): Promise<void> }>>> = {
  syscall: () => import('./syscall.ts'),
  sched: () => import('./sched.ts'),
  ring: () => import('./ring.ts'),
  scrape: () => import('./scrape.ts'),
  startup: () => import('./startup.ts'),
  idle: () => import('./idle.ts'),
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
