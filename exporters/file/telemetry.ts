import type { Scope } from 'bpflow/sdk';
import { describeSystemError, type Failures } from './failures.ts';
import type { WriterEvents } from './message-writer.ts';

/** Tells log, metrics, ledger and health what becomes of the files of an exporter. */
export function writerEvents({ id, log, meter, items }: Scope, failures: Failures): WriterEvents {
  const exporter = id.toString();
  const written = meter.createCounter('bpflow_file_written_bytes', {
    description: 'Bytes written to files, as they are on the disk.',
    unit: 'By',
  });
  const errors = meter.createCounter('bpflow_file_write_errors', {
    description: 'Attempts to write to a file that failed.',
  });
  const rotations = meter.createCounter('bpflow_file_rotations', { description: 'Files that were rotated.' });
  return {
    wrote: (bytes) => written.add(bytes, { exporter }),
    rotated(path, backup) {
      rotations.add(1, { exporter });
      log.debug('A file was rotated.', { path, backup });
    },
    reopened: (path) => log.info('A file was moved away or deleted. A new one was opened.', { path }),
    failed(path, error, waitingBytes) {
      errors.add(1, { exporter });
      failures.failed(path, error, waitingBytes);
    },
    recovered: (path) => failures.recovered(path),
    gaveUp: (path) => failures.forget(path),
    dropped(count, reason, path) {
      items.dropped(count, reason);
      log.error(LOST[reason], { path, items: count });
    },
    untidy: (path, error) =>
      log.warn('Old rotated files could not be removed.', { path, error: describeSystemError(error) }),
  };
}

const LOST = {
  too_large: 'A message that is larger than max_megabytes was dropped.',
  bad_path: 'Items were dropped: the value of their attribute makes no path that can be written.',
  write_failed: 'Items were dropped: their file could not be written before the end.',
} as const;
