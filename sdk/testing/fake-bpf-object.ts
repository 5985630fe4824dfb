import type {
  AttachOptions,
  BpfLink,
  BpfMap,
  BpfObject,
  BpfProgram,
  MapLayout,
  ProgramInfo,
  StructLayout,
} from '../bpf.ts';
import { BpfError } from '../bpf.ts';
import { FakeHandle, type Faults, misuse } from './fake-bpf-faults.ts';
import { FakeBpfMap, type FakeMapOptions } from './fake-bpf-map.ts';

/** What an object file would hold. */
export interface FakeObjectOptions {
  /** Programs by name. */
  readonly programs?: Readonly<Record<string, FakeProgramOptions>>;
  readonly maps?: Readonly<Record<string, FakeMapOptions>>;
  /** Bytes of each global variable by its C name. */
  readonly globals?: Readonly<Record<string, number>>;
  readonly layouts?: readonly StructLayout[];
  /** Types of keys and values by map. */
  readonly mapLayouts?: Readonly<Record<string, Partial<MapLayout>>>;
}

export interface FakeProgramOptions {
  /** Default: `raw_tp/<name>`. */
  readonly section?: string;
  /** Called for each `testRun`, and for each pass of an iterator; what it returns is the result, or what the iterator wrote. */
  readonly run?: (object: FakeBpfObject, context: Uint8Array | undefined) => number | Uint8Array | undefined;
  readonly info?: Partial<ProgramInfo>;
}

interface Environment {
  readonly faults: Faults;
  readonly cpus: number;
  nextId(): number;
}

/** An object file in memory. */
export class FakeBpfObject extends FakeHandle implements BpfObject {
  readonly path: string;
  readonly programNames: readonly string[];
  readonly mapNames: readonly string[];
  /** Names of the programs that were loaded; empty before. */
  loaded: readonly string[] = [];
  /** All links ever made; those that are not closed are attached. */
  readonly links: FakeBpfLink[] = [];
  readonly #environment: Environment;
  readonly #options: FakeObjectOptions;
  readonly #off = new Set<string>();
  readonly #maxEntries = new Map<string, number>();
  readonly #maps = new Map<string, BpfMap>();
  /** Maps that were created here; reused ones belong to others. */
  readonly #own: FakeBpfMap[] = [];
  readonly #globals = new Map<string, Uint8Array>();
  #isLoaded = false;

  constructor(path: string, options: FakeObjectOptions, environment: Environment) {
    super(path, () => {
      for (const link of this.links) link.close();
      for (const map of this.#own) map.close();
    });
    this.path = path;
    this.programNames = Object.keys(options.programs ?? {});
    this.mapNames = Object.keys(options.maps ?? {});
    this.#environment = environment;
    this.#options = options;
    for (const [name, size] of Object.entries(options.globals ?? {})) this.#globals.set(name, new Uint8Array(size));
  }

  /** Programs that are attached now. */
  get attached(): readonly string[] {
    return this.links.filter(({ closed }) => !closed).map(({ program }) => program);
  }

  layout(struct: string): StructLayout {
    const layout = this.#options.layouts?.find(({ name }) => name === struct);
    if (layout === undefined) throw misuse('layout', struct, `${this.path} has no struct ${struct}`);
    return layout;
  }

  mapLayout(map: string): MapLayout {
    this.use('map_layout');
    this.#known('map_layout', map, this.mapNames);
    const { key, value } = this.#options.mapLayouts?.[map] ?? {};
    return { key, value };
  }

  section(program: string): string {
    this.use('section');
    this.#known('section', program, this.programNames);
    return this.#options.programs?.[program]?.section ?? `raw_tp/${program}`;
  }

  setAutoload(program: string, on: boolean): void {
    this.#beforeLoad('set_autoload');
    this.#known('set_autoload', program, this.programNames);
    this.#switch(program, on);
  }

  setAutocreate(map: string, on: boolean): void {
    this.#beforeLoad('set_autocreate');
    this.#known('set_autocreate', map, this.mapNames);
    this.#switch(map, on);
  }

  setMaxEntries(map: string, entries: number): void {
    this.#beforeLoad('set_max_entries');
    this.#known('set_max_entries', map, this.mapNames);
    this.#maxEntries.set(map, entries);
  }

  reuseMap(name: string, map: BpfMap): void {
    this.#beforeLoad('reuse_map');
    this.#known('reuse_map', name, this.mapNames);
    this.#maps.set(name, map);
  }

  setGlobal(name: string, value: number | bigint | boolean | Uint8Array): void {
    this.use('set_global');
    const bytes = this.#global('set_global', name);
    if (value instanceof Uint8Array) {
      if (value.length !== bytes.length) {
        throw misuse('set_global', name, `${name} has ${bytes.length} bytes, not ${value.length}`);
      }
      bytes.set(value);
      return;
    }
    let rest = BigInt.asUintN(bytes.length * 8, BigInt(value));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  getGlobal(name: string): Uint8Array {
    this.use('get_global');
    return this.#global('get_global', name).slice();
  }

  load(): void {
    this.#beforeLoad('load');
    const { faults, cpus, nextId } = this.#environment;
    try {
      for (const [name, options] of Object.entries(this.#options.maps ?? {})) {
        if (this.#off.has(name) || this.#maps.has(name)) continue;
        faults.enter('map_create', name);
        const maxEntries = this.#maxEntries.get(name) ?? options.maxEntries;
        const sized = maxEntries === undefined ? options : { ...options, maxEntries };
        const map = new FakeBpfMap(name, nextId(), sized, { faults, cpus });
        this.#own.push(map);
        this.#maps.set(name, map);
      }
      const wanted = this.programNames.filter((name) => !this.#off.has(name));
      for (const name of wanted) faults.enter('load', name);
      this.loaded = wanted;
      this.#isLoaded = true;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  program(name: string): BpfProgram {
    this.use('program');
    this.#known('program', name, this.loaded);
    const { faults, nextId } = this.#environment;
    const options = this.#options.programs?.[name] ?? {};
    const id = nextId();
    const info = { id, runCount: 0n, runTimeNs: 0n, recursionMisses: 0n, jitedBytes: 0, memoryBytes: 0 };
    const run = (context?: Uint8Array): number | Uint8Array => options.run?.(this, context) ?? 0;
    return {
      name,
      id,
      attach: (attachOptions?: AttachOptions) => {
        this.use('attach');
        faults.enter('attach', name);
        const link = new FakeBpfLink(name, nextId(), { faults, run, map: attachOptions?.map });
        this.links.push(link);
        return link;
      },
      info: () => {
        this.use('info');
        faults.enter('info', name);
        return { ...info, ...options.info };
      },
      testRun: (context) => {
        this.use('test_run');
        faults.enter('test_run', name);
        return Number(run(context));
      },
      pin: (path) => {
        this.use('pin');
        faults.enter('pin', path);
      },
    };
  }

  map(name: string): FakeBpfMap {
    this.use('map');
    const map = this.#maps.get(name);
    if (map === undefined) throw misuse('map', name, `${this.path} has no map ${name}, or it was not created`);
    return map as FakeBpfMap;
  }

  #switch(name: string, on: boolean): void {
    if (on) this.#off.delete(name);
    else this.#off.add(name);
  }

  #global(operation: string, name: string): Uint8Array {
    const bytes = this.#globals.get(name);
    if (bytes === undefined) throw misuse(operation, name, `${this.path} has no variable ${name}`);
    return bytes;
  }

  #beforeLoad(operation: string): void {
    this.use(operation);
    if (this.#isLoaded) throw misuse(operation, this.path, `${this.path} is loaded already`);
  }

  #known(operation: string, name: string, names: readonly string[]): void {
    if (!names.includes(name))
      throw misuse(operation, name, `${this.path} has no ${name} here; there are: ${names.join(', ')}`);
  }
}

/** A program that is attached until the link is closed. */
export class FakeBpfLink extends FakeHandle implements BpfLink {
  readonly program: string;
  readonly id: number;
  /** The map that the program walks. */
  readonly map: BpfMap | undefined;
  readonly #faults: Faults;
  readonly #run: () => number | Uint8Array;

  constructor(
    program: string,
    id: number,
    options: { readonly faults: Faults; readonly run: () => number | Uint8Array; readonly map: BpfMap | undefined },
  ) {
    super(program);
    this.program = program;
    this.id = id;
    this.map = options.map;
    this.#faults = options.faults;
    this.#run = options.run;
  }

  iterate(buffer: Uint8Array = new Uint8Array(0)): number {
    this.use('iterate');
    this.#faults.enter('iterate', this.program);
    const output = this.#run();
    if (!(output instanceof Uint8Array)) return 0;
    if (output.length > buffer.length) {
      throw new BpfError(`The pass wrote ${output.length} bytes, the buffer has ${buffer.length}.`, {
        code: 'too_small',
        operation: 'iterate',
        subject: this.program,
      });
    }
    buffer.set(output);
    return output.length;
  }
}
