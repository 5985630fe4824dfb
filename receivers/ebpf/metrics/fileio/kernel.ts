import { LAYOUTS } from '../../../../bpf/fileio.gen.ts';
import type { KernelPart } from '../../kernel/part.ts';

export interface FileKernelOptions {
  readonly operations: boolean;
  readonly regularFiles: boolean;
  /** Whether the kernel keeps a histogram for each group. */
  readonly latencyByGroup: boolean;
}

/** Entries of files, unless `max_groups` is raised: one has 2 KiB on 64 CPUs. */
const FILES = 3072;
/** Most entries of the map of failed opens: groups times errors. */
const ERRORS = 2048;
/** Most entries of the map of histograms: one takes about fifty times as much as a counter. */
const LATENCIES_BY_GROUP = 1024;

export const filePart: KernelPart = {
  layouts: LAYOUTS,
  isSampled: true,
  isWanted: ({ files }) => files !== undefined,
  roles: () => [
    { name: 'file_exit', without: 'Opens are not counted, and calls on files are not timed.' },
    { name: 'file_enter', without: 'Calls on files are not timed.' },
  ],
  prepare(object, { options: { files, maxEntries, maxGroups } }) {
    const { operations, regularFiles, latencyByGroup } = files!;
    object.setMaxEntries('files', Math.min(maxGroups, Math.max(FILES, Math.ceil((maxGroups * 3) / 4))));
    object.setMaxEntries('file_errors', Math.min(maxEntries, ERRORS));
    object.setMaxEntries('file_latencies', latencyByGroup ? Math.min(maxEntries, LATENCIES_BY_GROUP) : 1);
    object.setGlobal('with_operations', operations);
    object.setGlobal('with_regular_files', regularFiles);
    object.setGlobal('file_latency_by_group', latencyByGroup);
  },
};
