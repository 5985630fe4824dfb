import { byteSize, duration, z } from 'bpflow/sdk';

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
      .default('/var/lib/otelcol/file_storage')
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
        directory: z.string().default('').describe('Accepted; compaction happens within the folder.'),
        rebound_needed_threshold_mib: int64().default(100).describe('Accepted without effect.'),
        rebound_trigger_threshold_mib: int64().default(10).describe('Accepted without effect.'),
        max_transaction_size: int64().default(65536).describe('Accepted without effect.'),
        check_interval: duration().prefault('5s').describe('Accepted without effect.'),
        cleanup_on_start: z.boolean().default(false).describe('Accepted; nothing temporary is left behind.'),
      })
      .prefault({})
      .describe(
        'Keys of the Collector, checked and without effect: space is given back as soon as a file has nothing alive, and when more than half of all is dead.',
      ),
  })
  .check((context) => {
    const { compaction, create_directory, directory_permissions } = context.value;
    const refuse = (path: string[], input: unknown, message: string): void =>
      void context.issues.push({ code: 'custom', input, path, message });
    if (compaction.max_transaction_size < 0) {
      refuse(
        ['compaction', 'max_transaction_size'],
        compaction.max_transaction_size,
        'max transaction size for compaction cannot be less than 0',
      );
    }
    if (compaction.on_rebound && compaction.check_interval <= 0) {
      refuse(
        ['compaction', 'check_interval'],
        compaction.check_interval,
        'compaction check interval must be positive when rebound compaction is set',
      );
    }
    if (!create_directory) return;
    if (!/^[0-7]+$/.test(directory_permissions)) {
      refuse(
        ['directory_permissions'],
        directory_permissions,
        'directory_permissions value must be a valid octal representation of permissions',
      );
    } else if (Number.parseInt(directory_permissions, 8) > 0o777) {
      refuse(
        ['directory_permissions'],
        directory_permissions,
        'directory_permissions contain invalid bits for file access',
      );
    }
  });

export type FileStorageConfig = z.output<typeof fileStorageConfig>;
