import { byteSize, duration, z } from 'bpflow/sdk';

const rotation = z
  .strictObject({
    max_megabytes: z
      .int()
      .min(0)
      .default(100)
      .transform((megabytes) => (megabytes === 0 ? 100 : megabytes))
      .describe('A file is rotated before it would grow past so many MiB. 0 means 100.'),
    max_days: z
      .int()
      .min(0)
      .default(0)
      .describe('Rotated files older than so many days are removed. 0 keeps them whatever their age.'),
    max_backups: z
      .int()
      .min(0)
      .default(100)
      .describe('So many rotated files are kept, the newest ones. 0 keeps them all.'),
    localtime: z
      .boolean()
      .default(false)
      .describe('Whether names of rotated files carry the local time instead of UTC.'),
  })
  .optional();

const groupBy = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Whether each value of an attribute gets a file of its own.'),
    resource_attribute: z
      .string()
      .default('fileexporter.path_segment')
      .describe('Resource attribute whose value takes the place of the * in path.'),
    max_open_files: z
      .int()
      .min(1, 'must be positive')
      .default(100)
      .describe('Files that are open at a time; the one that was not used for longest is closed first.'),
  })
  .prefault({});

/** Configuration of the `file` exporter: the Collector's keys, and a few of our own. */
export const fileConfig = z
  .strictObject({
    path: z
      .string({ error: ({ input }) => (input === undefined ? 'path must be non-empty' : 'expected a path; quote it') })
      .min(1, 'path must be non-empty')
      .refine((path) => !path.includes('\0'), 'path must not contain a null byte')
      .describe('File that is written, relative to the working directory. With group_by it contains one *.'),
    append: z
      .boolean()
      .default(false)
      .describe('Whether to go on behind what is in the file. false empties it at start.'),
    rotation: rotation.describe(
      'Rotates the file by size, and removes old ones; an empty body does so with the defaults. Then nothing waits in a buffer.',
    ),
    format: z
      .enum(['json', 'proto', 'prometheus'], { error: 'format type is not supported; use json, proto or prometheus' })
      .default('json')
      .describe(
        'json: OTLP as JSON, one line for each batch. proto: OTLP as protobuf, each message behind its length. prometheus: the current values as a page of text, replaced at each flush.',
      ),
    encoding: z
      .undefined({ error: 'encoding extensions are not supported; use format: json or format: proto' })
      .optional()
      .describe('Encoding extensions are not supported: must not be set.'),
    compression: z
      .enum(['zstd', 'none', ''], { error: 'compression is not supported; use zstd or none' })
      .default('none')
      .transform((compression) => (compression === 'zstd' ? 'zstd' : 'none'))
      .describe('zstd: each message is a frame of its own, behind its length.'),
    compression_params: z
      .strictObject({
        level: z.int().min(1).max(22).default(3).describe('Level of zstd, from 1 (fast) to 22 (small).'),
      })
      .prefault({})
      .describe('How compression works.'),
    flush_interval: duration()
      .prefault('1s')
      .transform((ms) => (ms === 0 ? 1000 : ms))
      .describe('What waits in the buffer is written so often. 0 means 1s.'),
    create_directory: z.boolean().default(false).describe("Whether to make the file's directory at start."),
    directory_permissions: z
      .string({ error: 'directory_permissions must be a text; quote it: "0755"' })
      .optional()
      .describe('Permissions of directories that are made, as an octal text, less the umask. Default: "0755".'),
    group_by: groupBy.describe('Writes to separate files by a resource attribute.'),
    names: z
      .enum(['otel', 'seed'])
      .optional()
      .describe(
        "Names and units of the agent's own metrics: otel (ebpf.syscall.duration, in s) or the short ones, seed (ebpf_syscall_latency_ns). Default: otel, and seed with format: prometheus.",
      ),
    temporality: z
      .enum(['cumulative', 'delta'])
      .default('cumulative')
      .describe("Temporality of the agent's own metrics; foreign ones are written as they came."),
    max_buffer_size: byteSize()
      .refine((bytes) => bytes >= 64 * 1024, 'must be at least 64KiB')
      .prefault('64MiB')
      .describe('What may wait for a slow or failing disk. More is refused, so that senders keep it.'),
  })
  .superRefine((config, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, input: undefined });
    if (config.append && config.rotation)
      refuse(
        'append',
        'append and rotation enabled at the same time is not supported; with rotation the file is always continued',
      );
    if (config.directory_permissions !== undefined && config.directory_permissions !== '') {
      if (!config.create_directory && !config.group_by.enabled)
        refuse('directory_permissions', 'directory_permissions requires create_directory to be true');
      else if (!/^0*[0-7]+$/.test(config.directory_permissions))
        refuse('directory_permissions', 'directory_permissions value must be a valid octal representation');
      else if (Number.parseInt(config.directory_permissions, 8) > 0o777)
        refuse('directory_permissions', 'directory_permissions contain invalid bits for file access');
    }
    if (config.group_by.enabled) {
      if (config.path.split('*').length !== 2)
        refuse('path', 'path must contain exactly one * when group_by is enabled');
      else if (config.path.startsWith('*')) refuse('path', 'path must not start with * when group_by is enabled');
      if (config.group_by.resource_attribute === '')
        refuse('group_by', 'resource_attribute must not be empty when group_by is enabled');
    }
    if (config.format === 'prometheus') {
      const without: readonly (readonly [string, boolean])[] = [
        ['append', config.append],
        ['rotation', config.rotation !== undefined],
        ['compression', config.compression !== 'none'],
        ['group_by', config.group_by.enabled],
        ['temporality', config.temporality === 'delta'],
      ];
      for (const [key, set] of without) {
        if (set)
          refuse(key, `${key} has no meaning with format: prometheus, which replaces the whole file; leave it out`);
      }
    }
  });

export type FileConfig = z.output<typeof fileConfig>;
