import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { SPEC_MARK, version } from 'bpflow/sdk';
import { describeCompliance } from 'bpflow/testing';
import { builtIns } from '../pipeline/manifest.ts';
import { loadPlugin } from '../pipeline/plugins/load.ts';

const root = dirname(import.meta.dirname);

describe('every component that comes with the agent', () => {
  for (const { kind, type, aliases, load } of builtIns) {
    it(`${kind} ${type} is what the manifest says, and runs through the battery beside its code`, async () => {
      const spec = (await load()).default as Record<PropertyKey, unknown>;
      assert.deepEqual([spec['kind'], spec['type'], spec[SPEC_MARK]], [kind, type, version]);
      const names = ['aliases', 'deprecatedAliases'].flatMap((key) => (spec[key] as string[] | undefined) ?? []);
      assert.deepEqual([...(aliases ?? [])].sort(), names.sort(), 'its aliases');
      const battery = join(root, `${kind}s`, type.replaceAll('_', '-'), 'compliance.test.ts');
      assert.ok(existsSync(battery), `there is no ${battery}`);
      assert.match(readFileSync(battery, 'utf8'), /^ *describeCompliance\(/m);
    });
  }
});

const plugin = join(root, 'test', 'fixtures', 'plugin-npm');
const configs: Readonly<Record<string, unknown>> = {
  beat: { batches: 0 },
  tally: { path: join(tmpdir(), `bpflow-tally-${process.pid}.json`) },
};
for (const spec of await loadPlugin({ plugin, folder: root })) {
  describeCompliance(spec, { folder: plugin, config: configs[spec.type] ?? {} });
}
