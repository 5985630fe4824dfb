import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { config, keys } from './config.ts';
import { PRESET_NAMES, PRESETS, withPreset } from './presets.ts';

describe('a preset', () => {
  for (const preset of PRESET_NAMES) {
    test(`${preset} is a configuration, and differs from the defaults by its keys alone`, () => {
      const defaults: Record<string, unknown> = config.parse({});
      const { preset: name, ...read }: Record<string, unknown> = config.parse({ preset });
      assert.equal(name, preset);
      const own = keys.parse(PRESETS[preset]) as Record<string, unknown>;
      for (const [key, value] of Object.entries(read)) {
        assert.deepEqual(value, key in PRESETS[preset] ? own[key] : defaults[key], key);
      }
    });
  }

  test('gives way to what is written', () => {
    const written = { preset: 'high_performance', syscall_latency: true, exclude_processes: ['a'] };
    const { syscall_latency, exclude_processes, file_operations } = config.parse(written);
    assert.deepEqual([syscall_latency, exclude_processes, file_operations], [true, ['a'], false]);
  });

  test('default is the same as none', () => {
    assert.deepEqual(config.parse({ preset: 'default' }), config.parse({}));
    assert.deepEqual(PRESETS.default, {});
  });

  test('that there is not is refused with those that there are', () => {
    const [issue] = config.safeParse({ preset: 'fast' }).error?.issues ?? [];
    assert.deepEqual([issue?.path, issue?.code], [['preset'], 'invalid_value']);
  });

  test('is not looked for in what is no configuration', () => {
    for (const written of [null, undefined, 7, 'text', ['preset']]) assert.equal(withPreset(written), written);
    assert.equal(config.safeParse([]).success, false);
  });
});
