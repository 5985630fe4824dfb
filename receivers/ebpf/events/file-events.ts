import { basename, dirname, normalize } from 'node:path';
import type { AttributeValue } from 'bpflow/sdk';
import { FileBody } from '../../../bpf/events.gen.ts';
import { type EventRecord, type Severity, type Told, untilZero } from './record.ts';

const body = new FileBody();

export type FileStep = 'open' | 'rename' | 'unlink' | 'chmod';

/** `filtered` for a file that is not watched. */
export function tellFile(record: EventRecord, step: FileStep, watched: (path: string) => boolean): Told | 'filtered' {
  const { detail, baseLength, pathLength, targetBaseLength, targetPathLength } = body.move(record.words, record.body);
  const target = FileBody.SIZE + baseLength + pathLength;
  const path = pathOf(record, FileBody.SIZE, baseLength, pathLength);
  const to = step === 'rename' ? pathOf(record, target, targetBaseLength, targetPathLength) : undefined;
  if (!watched(path) && !(to !== undefined && watched(to))) return 'filtered';
  const { severity, importance, attributes } = RATED[step](detail);
  return {
    name: `file.${step}`,
    severity,
    importance,
    what: to === undefined ? `${DONE[step]} ${path}` : `renamed ${path} to ${to}`,
    attributes: {
      'file.path': path,
      'file.name': basename(path),
      'file.directory': dirname(path),
      ...(to !== undefined && { 'ebpf.file.target_path': to }),
      ...attributes,
    },
  };
}

/** The names of the directory come from below. */
function pathOf(record: EventRecord, from: number, baseLength: number, pathLength: number): string {
  const base = record.text(from, baseLength).split('\0').slice(0, -1).reverse();
  const named = untilZero(record.text(from + baseLength, pathLength));
  const path = normalize(named.startsWith('/') ? named : `/${[...base, named].join('/')}`);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

const DONE: Readonly<Record<FileStep, string>> = {
  open: 'opened',
  rename: 'renamed',
  unlink: 'removed',
  chmod: 'changed the mode of',
};

interface Rating {
  readonly severity: Severity;
  readonly importance: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

const O_ACCMODE = 0o3;
const ACCESS = ['read', 'write', 'read_write', 'none'] as const;
const SET_ID = 0o6000;

const RATED: Readonly<Record<FileStep, (detail: number) => Rating>> = {
  open: (flags) => {
    const access = ACCESS[flags & O_ACCMODE]!;
    const attributes = { 'ebpf.file.open.access': access, 'ebpf.file.open.flags': flags };
    return access === 'read'
      ? { severity: 'DEBUG', importance: 0.2, attributes }
      : { severity: 'INFO', importance: 0.4, attributes };
  },
  rename: () => ({ severity: 'INFO', importance: 0.5, attributes: {} }),
  unlink: () => ({ severity: 'INFO', importance: 0.5, attributes: {} }),
  chmod: (mode) => ({
    severity: (mode & SET_ID) === 0 ? 'INFO' : 'WARN',
    importance: (mode & SET_ID) === 0 ? 0.5 : 0.9,
    attributes: { 'file.mode': (mode & 0o7777).toString(8).padStart(4, '0') },
  }),
};
