import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bpf, BpfObject } from '../../sdk/bpf.ts';
import { loadBpf } from '../index.ts';

const sources = import.meta.dirname;
const root = join(sources, '..', '..');
const built = join(root, 'build', 'native-test');

/** `BPFLOW_TEST_ADDON` names another build of the addon, for example the sanitized one. */
export const addonPath = process.env['BPFLOW_TEST_ADDON'];

export const bpf: Bpf = loadBpf(addonPath === undefined ? {} : { addonPath });

const clang = ['clang', 'clang-16', 'clang-19', 'clang-14'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);

/** Why the tests with the kernel cannot run here; false when they can. Made for node:test's `skip`. */
export const skip: string | false = reasonToSkip() ?? false;

function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (bpf.possibleCpus === 0) return 'needs the native addon: scripts/build-addon.sh';
  if (clang === undefined) return 'needs clang';
  if (!bpf.capabilities().includes('cap_sys_admin')) return 'needs root';
  return undefined;
}

/** Path of the compiled `<name>.bpf.c`, compiled now if it is not yet. `withoutTypes` leaves the BTF out. */
export function objectFile(name: string, withoutTypes = false): string {
  return compiled(join(sources, `${name}.bpf.c`), {
    target: join(built, `${name}${withoutTypes ? '-plain' : ''}.bpf.o`),
    withoutTypes,
  });
}

/** Path of a compiled source, compiled now if it is not yet. */
export function compiled(
  source: string,
  { target, withoutTypes = false }: { readonly target: string; readonly withoutTypes?: boolean },
): string {
  const inputs = [source, join(sources, 'types.h')];
  const fresh = existsSync(target) && inputs.every((input) => statSync(input).mtimeMs < statSync(target).mtimeMs);
  if (fresh) return target;
  mkdirSync(dirname(target), { recursive: true });
  const own = `${target}.${process.pid}`;
  const flags = ['-O2', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'];
  const headers = ['-isystem', join(root, 'build', 'libbpf', 'include'), ...kernelHeaders()];
  const types = withoutTypes ? [] : ['-g'];
  const result = spawnSync(clang ?? 'clang', [...flags, ...types, ...headers, '-c', source, '-o', own], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`clang refused ${source}:\n${result.stderr}`);
  renameSync(own, target);
  return target;
}

/** Debian keeps asm/types.h, which is the same for all, by architecture. */
function kernelHeaders(): readonly string[] {
  const found = readdirSync('/usr/include').find((name) => name.endsWith('-linux-gnu'));
  return found === undefined ? [] : ['-isystem', join('/usr/include', found)];
}

export function open(name: string): BpfObject {
  return bpf.open(objectFile(name));
}

/** Ids of all programs, links or maps in the kernel, from its own iterators. */
export function kernelIds(kind: 'program' | 'link' | 'map'): ReadonlySet<number> {
  using object = open('iterators');
  for (const name of object.programNames) object.setAutoload(name, name === `${kind}_ids`);
  object.load();
  using link = object.program(`${kind}_ids`).attach();
  const buffer = new Uint8Array(64 * 1024);
  const bytes = link.iterate(buffer);
  return new Set(new Uint32Array(buffer.buffer, 0, bytes / 4));
}

/** Looks at `condition` every few milliseconds until it holds, at most `limitMs` (10 s). */
export async function until(condition: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One call of the system call that {@link getppidNumber} names, in the calling thread. */
export function getppid(): number {
  return process.ppid;
}

export const getppidNumber = process.arch === 'arm64' ? 173 : 110;
