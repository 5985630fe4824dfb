import { statSync } from 'node:fs';
import { byteSize, duration, z } from 'bpflow/sdk';

const DEFAULT_DIRECTORY = '/var/lib/otelcol/file_storage';

const int64 = () =>
  z
    .int()
    .min(-(2 ** 53) + 1)
    .max(2 ** 53 - 1);

/** Configuration of the `file_storage` extension: the Collector's keys and defaults, and the bounds of an own log. */
export const fileStorageConfig = z
  .strictObject({
    directory: z
      .string()
      .min(1, 'must not be empty')
      .default(DEFAULT_DIRECTORY)
      .describe('Folder of the stored data. Each user of the storage has a folder of its own in it.'),
    create_directory: z.boolean().default(false).describe('Makes the folder when it does not exist.'),
    directory_permissions: z
      .string()
      .default('0750')
      .describe(
        'Permissions of a folder that create_directory makes, octal. What lies in it is open to its owner only.',
      ),
    timeout: duration()
      .prefault('1s')
      .describe('How long a start waits for another process to give the folder free. 0 does not wait.'),
    fsync: z
      .union([z.boolean(), z.enum(['always', 'interval', 'never'])])
      .default('interval')
      .transform((value) => (value === true ? 'always' : value === false ? 'never' : value))
      .describe(
        'When writes are forced onto the disk. A process that is killed loses nothing in any case; a machine that loses its power loses nothing (always, or true), the last fsync_interval (interval), or what the system had not written yet (never, or false).',
      ),
    fsync_interval: duration()
      .prefault('1s')
      .refine((ms) => ms >= 1, 'must be at least 1ms')
      .describe('Time between two synchronisations with fsync: interval.'),
    max_size: byteSize()
      .prefault('4GiB')
      .refine((bytes) => bytes === 0 || bytes >= 65536, 'must be at least 64KiB, or 0 for no limit')
      .describe('Most bytes on disk for each user of the storage; what does not fit is refused. 0: no limit.'),
    segment_size: byteSize()
      .prefault('32MiB')
      .refine((bytes) => bytes >= 4096 && bytes <= 2 ** 30, 'must be from 4KiB to 1GiB')
      .describe('Size of the files the data is cut into; at most an eighth of max_size. Space is freed by files.'),
    recreate: z
      .boolean()
      .default(false)
      .describe('Accepted for configurations of the Collector. Damaged data never stops the start here.'),
    compaction: z
      .strictObject({
        on_start: z.boolean().default(false).describe('Accepted; the data is compacted all the time.'),
        on_rebound: z.boolean().default(false).describe('Accepted; the data is compacted all the time.'),
        directory: z
          .string()
          .default(DEFAULT_DIRECTORY)
          .describe('Must exist with on_start or on_rebound, as in the Collector; not used.'),
        rebound_needed_threshold_mib: int64().default(100).describe('Accepted without effect.'),
        rebound_trigger_threshold_mib: int64().default(10).describe('Accepted without effect.'),
        max_transaction_size: int64().default(65536).describe('Accepted without effect.'),
        check_interval: duration().prefault('5s').describe('Accepted without effect.'),
        cleanup_on_start: z.boolean().default(false).describe('Accepted; nothing temporary is left behind.'),
      })
      .nullable()
      .prefault({})
      .describe(
        'Keys of the Collector, checked and without effect: space is given back as soon as a file has nothing alive, and when more than half of all is dead.',
      ),
  })
  .check((context) => {
    const { compaction, create_directory, directory, directory_permissions } = context.value;
    const refuse = (path: string[], input: unknown, message: string | undefined): void => {
      if (message !== undefined) context.issues.push({ code: 'custom', input, path, message });
    };
    refuse(['directory'], directory, wrongDirectory(directory, create_directory));
    if (create_directory) {
      refuse(['directory_permissions'], directory_permissions, wrongPermissions(directory_permissions));
    }
    if (compaction === null) return;
    const { on_start, on_rebound, check_interval, max_transaction_size } = compaction;
    if (on_start || on_rebound) {
      const path = compaction.directory;
      refuse(['compaction', 'directory'], path, wrongDirectory(path, create_directory));
    }
    if (max_transaction_size < 0) {
      const message = 'max transaction size for compaction cannot be less than 0';
      refuse(['compaction', 'max_transaction_size'], max_transaction_size, message);
    }
    if (on_rebound && check_interval <= 0) {
      const message = 'compaction check interval must be positive when rebound compaction is set';
      refuse(['compaction', 'check_interval'], check_interval, message);
    }
  });

/** What is wrong with a folder, in the Collector's words. */
function wrongDirectory(path: string, mayBeMade: boolean): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : `${path} is not a directory`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return `problem accessing configured directory: ${path}, err: ${message}`;
    if (mayBeMade) return undefined;
    return `directory must exist: stat ${path}: no such file or directory. You can enable the create_directory option to automatically create it`;
  }
}

function wrongPermissions(text: string): string | undefined {
  if (!/^[+-]?[0-7]+$/.test(text)) return 'directory_permissions value must be a valid octal representation';
  const bits = Number.parseInt(text, 8);
  return bits >= 0 && bits <= 0o777 ? undefined : 'directory_permissions contain invalid bits for file access';
}

export type FileStorageConfig = z.output<typeof fileStorageConfig>;
