import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, it } from 'node:test';

const root = dirname(dirname(import.meta.dirname));
const temp = mkdtempSync(join(tmpdir(), 'bpflow-types-'));
after(() => rmSync(temp, { recursive: true }));

it("a plugin's author gets the types of config, batches and results, and errors where he is wrong", () => {
  mkdirSync(join(temp, 'node_modules'));
  symlinkSync(root, join(temp, 'node_modules', 'bpflow'));
  cpSync(join(root, 'test', 'fixtures', 'plugin-typed'), join(temp, 'src'), { recursive: true });
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    customConditions: ['source'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(temp, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  writeFileSync(join(temp, 'package.json'), '{ "type": "module" }');
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { stdout } = spawnSync(tsc, ['-p', temp, '--pretty', 'false'], { encoding: 'utf8' });
  const places = stdout.match(/^src\/\S+?\(\d+/gm) ?? stdout.match(/src\/\S+?\(\d+/gm) ?? [];
  assert.deepEqual(
    places.map((place) => place.replace(/^.*src\//, '')),
    ['wrong.ts(9', 'wrong.ts(18', 'wrong.ts(27'],
    stdout,
  );
});
