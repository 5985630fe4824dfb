import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** A container as its runtime describes it on this machine. */
export interface LocalContainer {
  readonly name: string;
  /** As it was asked for: `nginx:1.27`, `registry/app@sha256:…`. Empty where it is not said. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface LocalContainersOptions {
  /** Docker's data, usually `/var/lib/docker`. Undefined: not looked at. */
  readonly docker?: string | undefined;
  /** Storage folders of Podman, usually `/var/lib/containers/storage`. */
  readonly podman?: readonly string[];
  /** Told once for each folder that cannot be read although it is there. */
  readonly refused?: (path: string, reason: string) => void;
}

/** Larger files are not read. */
const DOCKER_LIMIT = 2 ** 20;
const PODMAN_LIMIT = 8 * 2 ** 20;

/**
 * Names of containers from what Docker and Podman keep on disk: no socket, no rights but to read. A file that is missing,
 * too large or not what it should be means that the container is unknown here.
 */
export class LocalContainers {
  readonly #options: LocalContainersOptions;
  readonly #refused = new Set<string>();
  readonly #podman = new Map<string, PodmanList>();

  constructor(options: LocalContainersOptions) {
    this.#options = options;
  }

  /** By its id. Reads at most one file of Docker and the list of each Podman, the latter only when it has changed. */
  find(id: string): LocalContainer | undefined {
    if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
    const { docker, podman = [] } = this.#options;
    const found = docker === undefined ? undefined : this.#docker(docker, id);
    if (found !== undefined) return found;
    for (const root of podman) {
      const container = this.#listOf(root)?.get(id);
      if (container !== undefined) return container;
    }
    return undefined;
  }

  #docker(root: string, id: string): LocalContainer | undefined {
    const file = this.#read(root, join(root, 'containers', id, 'config.v2.json'), DOCKER_LIMIT);
    const state = objectOf(file?.text);
    const config = objectOf(state?.['Config']);
    const name = textOf(state?.['Name']).replace(/^\//, '');
    return name === ''
      ? undefined
      : { name, image: textOf(config?.['Image']), labels: textsOf(objectOf(config?.['Labels'])) };
  }

  #listOf(root: string): PodmanList['containers'] | undefined {
    const path = join(root, 'overlay-containers', 'containers.json');
    const known = this.#podman.get(root);
    const file = this.#read(root, path, PODMAN_LIMIT, known?.version);
    if (file === undefined) return known?.containers;
    if (file.text === undefined) return known!.containers;
    const list = { version: file.version, containers: podmanContainers(file.text) };
    this.#podman.set(root, list);
    return list.containers;
  }

  /** Without a text when the file is still of this version; undefined when it cannot be read. */
  #read(root: string, path: string, limit: number, version?: string): { text?: string; version: string } | undefined {
    let file: number | undefined;
    try {
      file = openSync(path, 'r');
      const stat = fstatSync(file);
      if (!stat.isFile() || stat.size > limit) return undefined;
      const now = `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
      if (now === version) return { version: now };
      const buffer = Buffer.alloc(stat.size);
      const length = readSync(file, buffer, 0, stat.size, 0);
      return { text: buffer.toString('utf8', 0, length), version: now };
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && !this.#refused.has(root)) {
        this.#refused.add(root);
        this.#options.refused?.(path, code);
      }
      return undefined;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

interface PodmanList {
  readonly version: string;
  readonly containers: ReadonlyMap<string, LocalContainer>;
}

/** `[{ id, names: [name], metadata: '{"image-name":…,"name":…}' }]` (containers/storage). */
function podmanContainers(text: string): ReadonlyMap<string, LocalContainer> {
  const containers = new Map<string, LocalContainer>();
  const list = parsed(text);
  for (const entry of Array.isArray(list) ? list : []) {
    const container = objectOf(entry);
    const metadata = objectOf(container?.['metadata']);
    const names = container?.['names'];
    const name = Array.isArray(names) ? textOf(names[0]) : textOf(metadata?.['name']);
    const id = textOf(container?.['id']);
    if (id !== '' && name !== '') containers.set(id, { name, image: textOf(metadata?.['image-name']), labels: {} });
  }
  return containers;
}

type Json = Readonly<Record<string, unknown>>;

/** An object, or the one that a JSON text holds. */
function objectOf(value: unknown): Json | undefined {
  const object = typeof value === 'string' ? parsed(value) : value;
  return typeof object === 'object' && object !== null && !Array.isArray(object) ? (object as Json) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(object: Json | undefined): Readonly<Record<string, string>> {
  const texts = Object.entries(object ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}
