import { eventsPart } from '../events/event-kernel.ts';
import { blockPart } from '../metrics/block/kernel.ts';
import { dnsPart } from '../metrics/dns/kernel.ts';
import { filePart } from '../metrics/fileio/kernel.ts';
import { httpPart } from '../metrics/http/kernel.ts';
import { memoryPart } from '../metrics/mem/kernel.ts';
import { networkPart } from '../metrics/net/kernel.ts';
import { schedulerPart } from '../metrics/sched/kernel.ts';
import { syscallPart } from '../metrics/syscall/kernel.ts';
import type { Role } from './ladder.ts';
import type { KernelOptions } from './options.ts';
import type { KernelPart } from './part.ts';
import { processPart } from './process.ts';
import { usersPart } from './users.ts';

/** Every object of the kernel half, by the name of its file, in the order in which they are loaded. */
const PARTS = {
  // Has the maps that the others share.
  process: processPart,
  users: usersPart,
  syscall: syscallPart,
  sched: schedulerPart,
  fileio: filePart,
  mem: memoryPart,
  block: blockPart,
  net: networkPart,
  events: eventsPart,
  // Behind the object whose ring it fills.
  dns: dnsPart,
  http: httpPart,
} as const satisfies Readonly<Record<string, KernelPart>>;

export type ObjectName = keyof typeof PARTS;

export function partOf(name: ObjectName): KernelPart {
  return PARTS[name];
}

export function isObjectName(name: string): name is ObjectName {
  return Object.hasOwn(PARTS, name);
}

/** Objects that are loaded, in this order. */
export function objectNames(options: KernelOptions): ObjectName[] {
  return Object.keys(PARTS)
    .filter(isObjectName)
    .filter((name) => partOf(name).isWanted(options));
}

/** What is to be done in the kernel. */
export function rolesOf(options: KernelOptions): Role[] {
  const roles = objectNames(options).flatMap((object) =>
    partOf(object)
      .roles(options)
      .map((role) => ({ object, ...role })),
  );
  return roles.filter(({ walk }) => walk === undefined || options.iterators);
}
