import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { defineReceiver } from '../../sdk/define.ts';
import { loadConfig } from './load.ts';
import { type PrintOptions, printConfig } from './print.ts';
import { testSpecs } from './testdata/specs.ts';
import type { ResolvedConfig } from './types.ts';
import { validateConfig } from './validate.ts';

interface Read {
  readonly config: ResolvedConfig;
  print(options: PrintOptions): string;
}

async function read(yaml: string, specs = testSpecs): Promise<Read> {
  const loaded = loadConfig({ uris: ['env:CONFIG'], env: { CONFIG: yaml }, cwd: import.meta.dirname });
  const { config } = await validateConfig(loaded, specs);
  return { config, print: (options) => printConfig(loaded.tree, config, options) };
}

function values({ components, service }: ResolvedConfig): unknown {
  return { service, components: components.map(({ id, config }) => [id.kind, String(id), config]).sort() };
}

const base = {
  receivers: { otlp: { protocols: { grpc: null } } },
  exporters: { debug: null },
  service: { pipelines: { metrics: { receivers: ['otlp'], exporters: ['debug'] } } },
};

describe('what is printed', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom('yes', 'on', '0755', '0o7', '0b1', '1_0', '~', '', 'null', '.inf', '1e3', '2001-01-01', '<<', '#'),
    fc.string({ unit: fc.constantFrom('$', '{', '}', 'env:A', ' ', '\n', ':', '#') }),
  );
  for (const format of ['yaml', 'json'] as const) {
    test(`as ${format} reads as the same configuration`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.dictionary(fc.string(), texts), fc.nat(), fc.nat(), async (labels, size, ms) => {
          const written = {
            ...base,
            processors: { batch: { send_batch_size: size % 4294967295, timeout: `${ms}ms` } },
            exporters: {
              debug: { verbosity: 'Detailed' },
              prometheus: { endpoint: '[::1]:1', const_labels: escapedValues(labels) },
            },
          };
          const first = await read(JSON.stringify(written));
          assert.equal(JSON.stringify(first.config.components[3]?.config).includes('port'), true);
          const second = await read(first.print({ format, mode: 'unredacted' }));
          assert.deepEqual(values(second.config), values(first.config));
        }),
        { numRuns: 60 },
      );
    });
  }

  test('has the keys of a preset, so that it reads as the same', async () => {
    const fast = (value: unknown) => ({ ...(Object(value).preset === 'fast' ? { size: 9 } : {}), ...Object(value) });
    const keys = z.strictObject({ preset: z.string().default(''), size: z.int().default(1), rest: z.int().default(2) });
    const spec = defineReceiver({
      type: 'preset',
      stability: 'alpha',
      description: 'Has presets.',
      config: z.preprocess(fast, keys),
      produces: ['metrics'],
      create: () => ({}),
    });
    const specs: typeof testSpecs = {
      find: async (kind, type) => (type === 'preset' ? { spec, plugin: '' } : testSpecs.find(kind, type)),
      all: (kind) => testSpecs.all(kind),
    };
    const pipelines = { metrics: { receivers: ['preset'], exporters: ['debug'] } };
    const written = { ...base, receivers: { preset: { preset: 'fast' } }, service: { pipelines } };
    const first = await read(JSON.stringify(written), specs);
    const text = first.print({ format: 'json', mode: 'redacted' });
    assert.deepEqual(JSON.parse(text).receivers, { preset: { preset: 'fast', rest: 2, size: 9 } });
    assert.deepEqual(values((await read(text, specs)).config), values(first.config));
  });

  test('hides secrets, and shows them only when asked to', async () => {
    const exporters = { debug: null, otlp_grpc: { endpoint: 'a:1', headers: { authorization: 'hunter2' } } };
    const { print } = await read(JSON.stringify({ ...base, exporters }));
    for (const format of ['yaml', 'json'] as const) {
      assert.ok(!print({ format, mode: 'redacted' }).includes('hunter2'));
      assert.ok(print({ format, mode: 'unredacted' }).includes('hunter2'));
    }
  });
});

function escapedValues(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value.replaceAll('$', '$$$$')]));
}
