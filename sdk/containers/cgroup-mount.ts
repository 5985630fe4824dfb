import { readdirSync, readFileSync } from 'node:fs';

/** Controllers of version 1 whose hierarchy can tell where a process is: runtimes put containers into both. */
export const V1_CONTROLLERS = ['memory', 'pids'] as const;
export type V1Controller = (typeof V1_CONTROLLERS)[number];

export interface CgroupMount {
  /** Where the tree is mounted. */
  readonly path: string;
  /** Which cgroup is at the mount point: `/`, or another one in a cgroup namespace or bind mount. */
  readonly root: string;
  /** Of version 1: whose hierarchy it is. */
  readonly controller?: V1Controller;
}

/**
 * The tree of cgroups that tells where processes are, which is one and the same for the kernel half and for everybody who asks for a path:
 * that of version 2; where there is none, or nothing is in it, the hierarchy of a controller of version 1.
 */
export function cgroupTree(): CgroupMount | undefined {
  const mountInfo = readMountInfo();
  const unified = findCgroupMount(mountInfo);
  if (unified !== undefined && hasCgroups(unified)) return unified;
  return findV1Mount(mountInfo) ?? unified;
}

/**
 * The cgroup v2 mount that shows most of the tree, from the text of a `mountinfo` file. On hybrid machines it is not
 * `/sys/fs/cgroup` but a folder in it.
 */
export function findCgroupMount(mountInfo: string): CgroupMount | undefined {
  return widest(mountsOf(mountInfo).filter(({ type }) => type === 'cgroup2'));
}

/** The same for the first controller of version 1 that is mounted. */
export function findV1Mount(mountInfo: string): CgroupMount | undefined {
  const mounts = mountsOf(mountInfo).filter(({ type }) => type === 'cgroup');
  for (const controller of V1_CONTROLLERS) {
    const mount = widest(mounts.filter(({ options }) => options.includes(controller)));
    if (mount !== undefined) return { ...mount, controller };
  }
  return undefined;
}

/** The number of a controller's hierarchy, from the text of `/proc/self/cgroup`; 0 where it has none of its own. */
export function hierarchyOf(controller: V1Controller, cgroups = read('/proc/self/cgroup')): number {
  return hierarchyIn(cgroups, controller)?.number ?? 0;
}

/** Where a process is in a tree, from the text of its `/proc/PID/cgroup`; undefined where it is in none. */
export function cgroupIn({ controller }: Pick<CgroupMount, 'controller'>, cgroups: string): string | undefined {
  return hierarchyIn(cgroups, controller)?.cgroup;
}

/** Number 0 is the tree of version 2. */
function hierarchyIn(cgroups: string, controller: V1Controller | undefined) {
  for (const line of cgroups.split('\n')) {
    const [number, controllers, ...path] = line.split(':');
    const isThis = controller === undefined ? number === '0' : controllers?.split(',').includes(controller);
    if (isThis) return { number: Number(number), cgroup: path.join(':') };
  }
  return undefined;
}

/** The mounts that this process sees; empty where there is no procfs. */
export function readMountInfo(): string {
  return read('/proc/self/mountinfo');
}

interface Mount extends CgroupMount {
  readonly type: string;
  /** Of the file system itself. */
  readonly options: readonly string[];
}

function mountsOf(mountInfo: string): readonly Mount[] {
  return mountInfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , , root, path] = before!.split(' ');
    const [type, , options = ''] = after?.split(' ') ?? [];
    if (!type?.startsWith('cgroup') || !root || !path) return [];
    return [{ root: plain(root), path: plain(path), type, options: options.split(',') }];
  });
}

function widest(mounts: readonly Mount[]): CgroupMount | undefined {
  const [found] = mounts.toSorted((a, b) => depth(a.root) - depth(b.root));
  return found && { root: found.root, path: found.path };
}

/** Where cgroups of version 1 are used, programs mount the other tree for themselves, and leave it empty. */
function hasCgroups({ path }: CgroupMount): boolean {
  try {
    return readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory());
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function depth(root: string): number {
  return root.split('/').filter((part) => part !== '').length;
}

/** Spaces and the like are octal in mountinfo. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
