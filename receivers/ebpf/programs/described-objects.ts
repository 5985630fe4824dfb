import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asError, type Bpf, type BpfMap, type BpfProgram, type Closeable } from 'bpflow/sdk';
import type { Config } from '../config.ts';
import type { OwnObject } from '../kernel/own-objects.ts';
import { isObjectName } from '../kernel/parts.ts';
import type { MetricSource } from '../series/metric-source.ts';
import { DescribedObject, type DescribedProgram, type MetricOfMap } from './described-object.ts';
import { readDescription } from './description.ts';
import type { MetricContext } from './map-metric.ts';

const DESCRIPTION = '.yaml';

/** Where descriptions are looked for; empty for nowhere. */
export function describedFolder({ programs_path: folder, collect_programs: isAsked }: DescribedKeys): string {
  return isAsked ? folder : '';
}

type DescribedKeys = Pick<Config, 'programs_path' | 'collect_programs'>;

/** The user's own programs: every description in a folder. One that cannot be used is told, and does not touch the others. */
export class DescribedObjects implements Closeable {
  readonly #objects: DescribedObject[] = [];
  /** Descriptions that are not used, and why. */
  readonly refused: readonly OwnObject[];

  constructor(bpf: Bpf, folder: string, btfPath: string) {
    const refused: OwnObject[] = [];
    const told = (file: string, run: () => void) => {
      try {
        run();
      } catch (error) {
        refused.push({ file, used: false, reason: asError(error).message.replace(/\.$/, '') });
      }
    };
    told(folder, () => {
      for (const file of descriptionsIn(folder)) {
        told(file, () => this.#open(bpf, folder, file.slice(0, -DESCRIPTION.length), btfPath));
      }
    });
    this.refused = refused;
  }

  get programs(): readonly DescribedProgram[] {
    return this.#objects.flatMap(({ programs }) => programs);
  }

  /** Programs by name. */
  get attached(): ReadonlyMap<string, BpfProgram> {
    return new Map(this.programs.map(({ name, program }) => [name, program]));
  }

  get metrics(): readonly (MetricOfMap & { readonly object: DescribedObject })[] {
    return this.#objects.flatMap((object) => object.metrics.map((each) => ({ ...each, object })));
  }

  get maps(): readonly BpfMap[] {
    return this.#objects.flatMap(({ maps }) => maps);
  }

  sources(context: MetricContext & { readonly batch: boolean }): readonly MetricSource[] {
    return this.#objects.flatMap((object) => object.sources(context));
  }

  close(): void {
    for (const object of this.#objects) object.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(bpf: Bpf, folder: string, name: string, btfPath: string): void {
    if (isObjectName(name)) throw new Error(`${name} is the name of an object of the agent: name yours otherwise`);
    const object = new DescribedObject(bpf, folder, name, btfPath);
    const twice = object.metrics.find(({ metric }) => this.#has(metric.definition));
    if (twice === undefined) {
      this.#objects.push(object);
      return;
    }
    object.close();
    throw new Error(`another description has the metric ${twice.metric.definition.name} already`);
  }

  #has({ name, seedName }: { readonly name: string; readonly seedName: string }): boolean {
    return this.metrics.some(
      ({ metric: { definition } }) => definition.name === name || definition.seedName === seedName,
    );
  }
}

/** Whether a program of the folder is described to be at a network interface, or at a cgroup's. */
export function attachesToNetworks(folder: string): boolean {
  try {
    return descriptionsIn(folder).some((file) => {
      const { programs } = readDescription(join(folder, file));
      return Object.values(programs).some((place) => place.interface !== undefined || place.cgroup !== undefined);
    });
  } catch {
    // What is wrong is told as it is loaded; a correction may be of any kind.
    return true;
  }
}

/** Names of the files; none in a folder that there is not. */
function descriptionsIn(folder: string): readonly string[] {
  if (folder === '' || !existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(DESCRIPTION))
    .sort();
}
