import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AttachOptions,
  type Bpf,
  BpfError,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type Closeable,
} from 'bpflow/sdk';
import { distrust } from '../kernel/trusted-path.ts';
import type { MetricSource } from '../series/metric-source.ts';
import { type DescribedPlace, type Description, readDescription } from './description.ts';
import { hasEntries, MapMetric, type MetricContext } from './map-metric.ts';
import { MapSource } from './map-source.ts';

/** A program of the user's that is attached. */
export interface DescribedProgram {
  /** `<file>/<program>`. */
  readonly name: string;
  /** Its section, and where that does not say it, the place: `xdp eth0`. */
  readonly hook: string;
  readonly program: BpfProgram;
}

/** A metric of the user's, and the map that it is read from. */
export interface MetricOfMap {
  readonly metric: MapMetric;
  readonly map: BpfMap;
}

/** An object of the user's with the description beside it: `<name>.bpf.o` and `<name>.yaml`. Loaded and attached until it is closed. */
export class DescribedObject implements Closeable {
  /** The description's path. */
  readonly path: string;
  readonly programs: readonly DescribedProgram[];
  readonly metrics: readonly MetricOfMap[];
  readonly #object: BpfObject;

  /** Throws an Error that says what is wrong with which file; nothing is left behind then. */
  constructor(bpf: Bpf, folder: string, name: string, btfPath: string) {
    this.path = join(folder, `${name}.yaml`);
    const file = join(folder, `${name}.bpf.o`);
    if (!existsSync(file)) throw new Error(`${file} is missing, which ${this.path} describes`);
    for (const path of [this.path, file]) {
      const why = distrust(path, 'file');
      if (why !== undefined) throw new Error(why);
    }
    const description = readDescription(this.path);
    this.#object = bpf.open(file, btfPath === '' ? {} : { btfPath });
    try {
      this.metrics = load(this.#object, description);
      this.programs = Object.entries(description.programs).map(([program, place]) => ({
        name: `${name}/${program}`,
        hook: attach(this.#object, program, place),
        program: this.#object.program(program),
      }));
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** Every map that its metrics are read from, once. */
  get maps(): readonly BpfMap[] {
    return [...new Set(this.metrics.map(({ map }) => map))];
  }

  sources(context: MetricContext & { readonly batch: boolean }): readonly MetricSource[] {
    return this.maps.map((map) => {
      const metrics = this.metrics.filter((each) => each.map === map).map(({ metric }) => metric);
      return new MapSource(map, metrics, context);
    });
  }

  close(): void {
    this.#object.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Loads the programs that are named, and no other. */
function load(object: BpfObject, { programs, globals, metrics }: Description): readonly MetricOfMap[] {
  for (const name of Object.keys(programs)) {
    if (!object.programNames.includes(name)) throw none('program', name, object.programNames);
    checkPlace(name, object.section(name), programs[name]!);
  }
  for (const program of object.programNames) object.setAutoload(program, Object.hasOwn(programs, program));
  for (const [name, value] of Object.entries(globals)) object.setGlobal(name, value);
  const shapes = Object.entries(metrics).map(([name, described]) => {
    const { map } = described;
    if (!object.mapNames.includes(map))
      throw new Error(`metrics.${name}: ${none('map', map, object.mapNames).message}`);
    try {
      return { map, metric: new MapMetric(name, described, object.mapLayout(map)) };
    } catch (error) {
      throw new Error(`metrics.${name}: ${(error as Error).message}`, { cause: error });
    }
  });
  object.load();
  return shapes.map(({ map: name, metric }) => {
    const map = object.map(name);
    if (!hasEntries(map)) throw new Error(`${name} is a map of the type ${map.type}, whose entries cannot be read`);
    return { metric, map };
  });
}

function none(what: string, name: string, there: readonly string[]): Error {
  return new Error(`the object has no ${what} ${name}; it has ${there.join(', ') || 'none'}`);
}

function checkPlace(program: string, section: string, { interface: named, cgroup }: DescribedPlace): void {
  if (/^(?:tc|classifier|action)$/.test(section)) {
    throw new Error(`${program}: its section ${section} does not say the direction: write tcx/ingress or tcx/egress`);
  }
  if (/^(?:xdp|tcx?)(?:[./]|$)/.test(section) && named === undefined) {
    throw new Error(`${program}: ${section} is of a network interface: add interface: <name>`);
  }
  if (/^socket(?:\/|$)/.test(section) && named === undefined) {
    throw new Error(`${program}: ${section} is of packet sockets: add interface: <name>, or interface: ${ANY}`);
  }
  if (section.startsWith('cgroup') && cgroup === undefined) {
    throw new Error(`${program}: ${section} is of a cgroup: add cgroup: <path>`);
  }
}

/** Rights that are given up after the start are what is missing most often, at a reload. */
function advised(error: unknown, section: string): unknown {
  const isRefused = error instanceof BpfError && (error.errno === 'EACCES' || error.errno === 'EPERM');
  if (!isRefused || !/^u(?:ret)?probe(?:\/|$)|^usdt/.test(section)) return error;
  const instead = section.startsWith('usdt') ? '' : `, or write ${section.replace('probe', 'probe.multi')} (Linux 6.6)`;
  const kept = 'keep it by service.keep_capabilities: [sys_admin]';
  return new Error(
    `${error.message} Uprobes take CAP_SYS_ADMIN, which is given up after the start: restart, ${kept}${instead}.`,
    { cause: error },
  );
}

/** A packet socket may be of every interface. */
const ANY = 'any';

/** Returns what it is attached to. */
function attach(object: BpfObject, name: string, place: DescribedPlace): string {
  const { interface: named, binary, symbol, cgroup } = place;
  const options: AttachOptions = {
    ...(named !== undefined && named !== ANY && { interface: named }),
    ...(binary !== undefined && symbol !== undefined && { uprobe: { binary, symbol } }),
    ...(cgroup !== undefined && { cgroup }),
  };
  try {
    object.program(name).attach(options);
  } catch (error) {
    throw advised(error, object.section(name));
  }
  const where = named ?? cgroup ?? (binary === undefined ? '' : `${binary}:${symbol}`);
  return [object.section(name), where].filter((part) => part !== '').join(' ');
}
