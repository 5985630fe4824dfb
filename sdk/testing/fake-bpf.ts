import { basename } from 'node:path';
import { type Bpf, BpfError, type Closeable } from '../bpf.ts';
import { FakeHandle, type Fault, Faults } from './fake-bpf-faults.ts';
import { FakeBpfObject, type FakeObjectOptions } from './fake-bpf-object.ts';

export interface FakeBpfOptions {
  /** Object files by their name without folder and `.bpf.o`. */
  readonly objects?: Readonly<Record<string, FakeObjectOptions>>;
  /** Default: 2. */
  readonly possibleCpus?: number;
  /** Default: all that a receiver may ask for. */
  readonly capabilities?: readonly string[];
}

/** The kernel half in memory: no program runs, maps hold what a test puts there, and any operation can be made to fail. */
export interface FakeBpf extends Bpf {
  /** Every object that was opened, in order. */
  readonly objects: readonly FakeBpfObject[];
  /** The object of this name that was opened last. Throws when there is none. */
  object(name: string): FakeBpfObject;
  /** What was done, in order: `load sys_exit`, `attach sys_exit`, `read calls`. */
  readonly calls: readonly string[];
  /** Makes an operation fail from now on. */
  fail(fault: Fault): void;
  /** Lets everything work again. */
  repair(): void;
  /** Objects and links that are not closed. */
  readonly openHandles: readonly string[];
}

export function fakeBpf(options: FakeBpfOptions = {}): FakeBpf {
  const faults = new Faults();
  const objects: FakeBpfObject[] = [];
  const statistics: FakeHandle[] = [];
  const cpus = options.possibleCpus ?? 2;
  let capabilities = options.capabilities ?? ['cap_bpf', 'cap_perfmon', 'cap_sys_admin'];
  let lastId = 0;
  const nextId = (): number => ++lastId;
  return {
    possibleCpus: cpus,
    open(path) {
      const name = basename(path).replace(/\.bpf\.o$/, '');
      faults.enter('open', name);
      const described = options.objects?.[name];
      if (described === undefined) {
        const known = Object.keys(options.objects ?? {}).join(', ') || 'none';
        throw new BpfError(`There is no object ${name}; this fake has: ${known}.`, {
          code: 'bad_object',
          errno: 'ENOENT',
          operation: 'open',
          subject: name,
        });
      }
      const object = new FakeBpfObject(path, described, { faults, cpus, nextId });
      objects.push(object);
      return object;
    },
    enableStats(): Closeable {
      faults.enter('enable_stats', 'run statistics');
      const handle = new FakeHandle('run statistics');
      statistics.push(handle);
      return handle;
    },
    dropCapabilities(keep) {
      faults.enter('drop_capabilities', keep.join(' '));
      capabilities = capabilities.filter((capability) => keep.includes(capability));
    },
    capabilities: () => capabilities,
    tryLock: (fd) => {
      faults.enter('try_lock', String(fd));
      return true;
    },
    objects,
    object(name) {
      const object = objects.findLast(({ path }) => basename(path).replace(/\.bpf\.o$/, '') === name);
      if (object === undefined) throw new Error(`The object ${name} was not opened.`);
      return object;
    },
    calls: faults.calls,
    fail: (fault) => faults.inject(fault),
    repair: () => faults.clear(),
    get openHandles() {
      const links = objects.flatMap((object) => object.links);
      return [...objects, ...links, ...statistics].filter(({ closed }) => !closed).map(({ subject }) => subject);
    },
  };
}
