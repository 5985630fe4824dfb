import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import type { ComponentSpec } from '../../sdk/component.ts';
import { byteSize, duration, endpoint, secret } from '../../sdk/config-types.ts';
import { defineConnector, defineExporter, defineExtension, defineProcessor, defineReceiver } from '../../sdk/define.ts';
import { loadConfig } from './load.ts';
import { toPlain } from './node.ts';
import { printConfig } from './print.ts';
import { ConfigError, formatProblem } from './problems.ts';
import { type Components, validateConfig } from './validate.ts';

const testdata = `${import.meta.dirname}/testdata`;

/** A folder is a case: config.yaml, optionally options.json, and what is expected: errors.txt, or config.yaml as printed. */
describe('configurations', () => {
  for (const name of readdirSync(testdata)) {
    test(name.replaceAll('-', ' '), async () => {
      const folder = `${testdata}/${name}`;
      const options = existsSync(`${folder}/options.json`)
        ? JSON.parse(readFileSync(`${folder}/options.json`, 'utf8'))
        : {};
      const outcome = await printed({ uris: ['config.yaml'], sets: [], env: {}, ...options, cwd: folder });
      assert.equal(`${outcome.trimEnd()}\n`, readFileSync(`${folder}/expected.txt`, 'utf8'));
    });
  }
});

/** What print-config prints, or the problems. Warnings come first. */
async function printed(options: Parameters<typeof loadConfig>[0]): Promise<string> {
  try {
    const loaded = loadConfig(options);
    const config = await validateConfig(loaded, components);
    const warnings = config.warnings.map((problem) => `warning: ${formatProblem(problem)}\n`).join('');
    return (
      warnings +
      printConfig(loaded.root, config, { format: 'yaml', mode: 'redacted' }).replace(
        /^service:\n[\s\S]*? {4}pipelines/m,
        'service:\n    pipelines',
      )
    );
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const nothing = { create: () => ({ consume: {} }) };
const specs: readonly ComponentSpec[] = [
  defineReceiver({
    type: 'otlp',
    stability: 'stable',
    description: 'Takes.',
    produces: ['metrics', 'logs', 'traces'],
    config: z.strictObject({
      timeout: duration().prefault('5s').describe('.'),
      endpoint: endpoint().prefault(':4317').describe('.'),
    }),
    create: () => ({}),
  }),
  defineProcessor({
    type: 'batch',
    stability: 'stable',
    description: 'Bundles.',
    consumes: ['metrics', 'logs', 'traces'],
    config: z
      .strictObject({
        timeout: duration().prefault('200ms').describe('.'),
        send_batch_size: z.int().min(0).default(8192).describe('.'),
        send_batch_max_size: z.int().min(0).default(0).describe('.'),
        metadata_keys: z.array(z.string()).default([]).describe('.'),
      })
      .refine((it) => it.send_batch_max_size === 0 || it.send_batch_max_size >= it.send_batch_size, {
        error: 'send_batch_max_size must be greater or equal to send_batch_size',
      }),
    ...nothing,
  }),
  defineExporter({
    type: 'debug',
    stability: 'stable',
    description: 'Prints.',
    consumes: ['metrics', 'logs', 'traces'],
    config: z.strictObject({
      verbosity: z.enum(['basic', 'normal', 'detailed']).default('basic').describe('.'),
      limit: byteSize().optional().describe('.'),
      on: z.boolean().default(false).describe('.'),
      label: z.string().default('').describe('.'),
      headers: z.record(z.string(), secret()).default({}).describe('.'),
      nested: z
        .strictObject({ deep: z.number().optional().describe('.') })
        .prefault({})
        .describe('.'),
    }),
    ...nothing,
  }),
  defineExporter({
    type: 'prometheus',
    aliases: ['prom'],
    deprecatedAliases: ['prom'],
    stability: 'stable',
    description: 'Serves.',
    consumes: ['metrics'],
    config: z.strictObject({ endpoint: endpoint().describe('.') }),
    ...nothing,
  }),
  defineConnector({
    type: 'forward',
    stability: 'stable',
    description: 'Joins.',
    connects: [{ from: 'metrics', to: 'metrics' }],
    config: z.strictObject({}),
    ...nothing,
  }),
  defineExtension({
    type: 'health_check',
    stability: 'stable',
    description: 'Answers.',
    config: z.strictObject({}),
    create: () => ({}),
  }),
];

const components: Components<{ readonly spec: ComponentSpec }> = {
  find: async (kind, type) => {
    const spec = specs.find((each) => each.kind === kind && (each.type === type || each.aliases?.includes(type)));
    return spec && { spec };
  },
  all: async (kind) => specs.filter((spec) => spec.kind === kind).map((spec) => ({ spec })),
};

/** As an environment holds it: the placeholder is the point. */
const REFERENCE = ['$', '{env:A}'].join('');

describe('expansion', () => {
  const text = (written: string, env: Record<string, string> = {}) => {
    const { root } = loadConfig({ uris: [`yaml:${JSON.stringify({ k: written })}`], sets: [], env });
    return (toPlain(root) as { k: unknown }).k;
  };

  test('a text without references comes out as it went in, with every dollar doubled on the way in', () => {
    fc.assert(fc.property(fc.string(), (written) => assert.equal(text(written.replaceAll('$', '$$$$')), written)));
  });

  test('no text crashes it', () => {
    const pieces = fc.array(fc.constantFrom('$', '{', '}', ':', '-', 'env', 'A', REFERENCE, '${', ':-', 'x'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(pieces, (parts) => {
        try {
          text(parts.join(''), { A: REFERENCE });
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      }),
    );
  });

  test('later files win over earlier ones, key by key', () => {
    const keys = fc.constantFrom('a', 'b', 'c');
    const maps = fc.dictionary(keys, fc.oneof(fc.integer(), fc.dictionary(keys, fc.integer())));
    fc.assert(
      fc.property(maps, maps, (under, over) => {
        const { root } = loadConfig({
          uris: [under, over].map((map) => `yaml:${JSON.stringify({ x: 0, ...map })}`),
          sets: [],
          env: {},
        });
        const plain = toPlain(root) as Record<string, unknown>;
        for (const [key, value] of Object.entries(over)) {
          if (typeof value === 'number') assert.equal(plain[key], value);
          else
            for (const [inner, number] of Object.entries(value))
              assert.equal((plain[key] as Record<string, unknown>)[inner], number);
        }
      }),
    );
  });
});

describe('limits', () => {
  const refused = (text: string) => {
    try {
      loadConfig({ uris: ['env:TEXT'], sets: [], env: { TEXT: text } });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };

  test('aliases that multiply are refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    assert.match(refused(lines.join('\n')), /more than 1000000 values; do aliases repeat each other\?/);
  });

  test('nesting has an end', () => {
    assert.match(refused(`a: ${'['.repeat(200)}${']'.repeat(200)}`), /nested deeper than 100 levels/);
  });

  test('a huge file is refused', () => {
    assert.equal(refused(`a: ${'x'.repeat(17 * 2 ** 20)}`), 'env:TEXT: the file is larger than 16 MiB');
  });

  test('a file that is not there is named', () => {
    assert.throws(() => loadConfig({ uris: ['nofile.yaml'], sets: [], env: {} }), {
      message: 'unable to read the file nofile.yaml: no such file or directory',
    });
  });

  test('an unknown scheme and a missing flag say so', () => {
    assert.throws(() => loadConfig({ uris: ['ftp:abc'], sets: [], env: {} }), /unsupported scheme on URI "ftp:abc"/);
    assert.throws(() => loadConfig({ uris: [], sets: [], env: {} }), {
      message: 'at least one config flag must be provided',
    });
  });
});
