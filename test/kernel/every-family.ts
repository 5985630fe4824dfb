/** Switches on every family of metrics that workload/ends.c has a truth for, and counts every process. */
export const EVERY_FAMILY = {
  collect_scheduler: true,
  collect_file_io: true,
  block_io: false,
  regular_files: 'on',
  collect_memory: true,
  collect_network: true,
  exclude_processes: [],
};
