import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Bpf, BpfError } from '../sdk/bpf.ts';
import type { HostMemory } from '../sdk/host-memory.ts';

export interface LoadOptions {
  /** The addon's file; by default the checkout's build, else the package's prebuilt one. */
  readonly addonPath?: string;
  /** `process.platform` by default. */
  readonly platform?: NodeJS.Platform;
}

/**
 * The kernel through the native addon. Never fails: where there is no kernel half, or no addon, it returns a {@link Bpf}
 * without capabilities, whose other methods throw a {@link BpfError} with the code `unsupported` and the reason.
 */
export function loadBpf(options: LoadOptions = {}): Bpf {
  const platform = options.platform ?? process.platform;
  if (platform !== 'linux') return unsupported('eBPF collector is only supported on Linux');
  const path = addonPath(options);
  if (path === undefined) {
    return unsupported(
      `The native addon is missing for ${platform}-${process.arch}: build it with scripts/build-addon.sh`,
    );
  }
  try {
    return load(path).bind(BpfError);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return unsupported(`The native addon cannot be loaded (${reason}): build it with scripts/build-addon.sh`, error);
  }
}

/** Never fails: without Linux or the addon nothing is released. */
export function loadHostMemory(options: LoadOptions = {}): HostMemory {
  const path = (options.platform ?? process.platform) === 'linux' ? addonPath(options) : undefined;
  try {
    if (path !== undefined) return load(path).hostMemory();
  } catch {
    // `loadBpf` says what is wrong with the addon to those who need it.
  }
  return { releaseMappedFiles: () => 0, releaseFileCache: () => Promise.resolve() };
}

interface Addon {
  /** Makes the `Bpf` of this environment; every error it throws is an instance of the class. */
  bind(errorClass: typeof BpfError): Bpf;
  hostMemory(): HostMemory;
}

function load(path: string): Addon {
  return createRequire(import.meta.url)(path);
}

function addonPath(options: LoadOptions): string | undefined {
  return options.addonPath ?? addonCandidates(import.meta.dirname).find((candidate) => existsSync(candidate));
}

/** `build/` of the checkout comes first: a developer's change must not be hidden by a prebuilt file. */
function addonCandidates(folder: string): readonly string[] {
  const root = packageRoot(folder);
  return [
    join(root, 'build', 'native', 'bpflow.node'),
    join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'bpflow.node'),
  ];
}

/** The nearest folder upwards with a package.json: this file runs from `native/` and from `dist/native/`. */
function packageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  return parent === folder ? folder : packageRoot(parent);
}

function unsupported(reason: string, cause?: unknown): Bpf {
  const refuse = (operation: string) => (): never => {
    throw new BpfError(`${reason}.`, { code: 'unsupported', operation }, { cause });
  };
  return {
    possibleCpus: 0,
    open: refuse('open'),
    enableStats: refuse('enable_stats'),
    dropCapabilities: refuse('drop_capabilities'),
    capabilities: () => [],
    tryLock: refuse('try_lock'),
  };
}
