import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const architecture = process.arch === 'arm64' ? 'arm64' : 'x86';

/** Compiles `limit/<name>.bpf.c` when it is newer than its object and returns the object's path. */
export function limitObject(name: string): string {
  const source = `${here}limit/${name}.bpf.c`;
  const object = `${root}build/bench/${name}.bpf.o`;
  if (existsSync(object) && statSync(object).mtimeMs > statSync(source).mtimeMs) return object;
  mkdirSync(`${root}build/bench`, { recursive: true });
  const triplet = architecture === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  execFileSync(clang(), [
    ...['-target', 'bpf', '-mcpu=v3', '-g', '-O2', '-Wall', '-Werror', `-D__TARGET_ARCH_${architecture}`],
    ...[`-I${root}build/libbpf/include`, `-I/usr/include/${triplet}`, '-c', source, '-o', object],
  ]);
  return object;
}

function clang(): string {
  const found = ['clang-16', 'clang'].find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error('No clang found. Run `npm run setup`.');
  return found;
}
