import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import * as sdk from 'bpflow/sdk';
import { version } from '../../sdk/version.ts';
import { PipelineError, PipelineErrors } from '../errors.ts';
import { type BuiltIn, Catalogue } from './catalogue.ts';
import { loadPlugin } from './load.ts';

const fixtures = join(dirname(dirname(import.meta.dirname)), 'test', 'fixtures');
const temp = mkdtempSync(join(tmpdir(), 'bpflow-plugins-'));
after(() => rmSync(temp, { recursive: true }));

describe('a plugin is found', () => {
  it("as a package from the configuration file's folder or one above it", async () => {
    const folder = project('above');
    mkdirSync(join(folder, 'etc', 'agent'), { recursive: true });
    const specs = await loadPlugin({ plugin: 'bpflow-plugin-tally', folder: join(folder, 'etc', 'agent') });
    assert.deepEqual(
      specs.map(({ kind, type }) => [kind, type]),
      [
        ['receiver', 'beat'],
        ['processor', 'hold_back'],
        ['exporter', 'tally'],
      ],
    );
  });

  it('as the path of a file, a package folder, and a plain folder', async () => {
    const folder = project('paths');
    cpSync(join(fixtures, 'plugin-npm'), join(folder, 'plain'), { recursive: true });
    rmSync(join(folder, 'plain', 'package.json'));
    for (const plugin of [
      './node_modules/bpflow-plugin-tally',
      './node_modules/bpflow-plugin-tally/index.js',
      './plain',
    ]) {
      assert.equal((await loadPlugin({ plugin, folder })).length, 3, plugin);
    }
    assert.equal((await loadPlugin({ plugin: join(folder, 'plain'), folder: '/' })).length, 3);
  });

  it('with exports for imports only, and with CommonJS', async () => {
    const folder = project('forms');
    install(folder, 'only-import', {
      'package.json': '{ "name": "only-import", "exports": { "import": "./main.mjs" } }',
      'main.mjs': exporter('only_import'),
    });
    install(folder, 'common', {
      'package.json': '{ "name": "common", "main": "lib.js" }',
      'lib.js': `const { defineExporter, z } = require('bpflow/sdk'); module.exports = ${exporterCall('common')};`,
    });
    install(folder, '@scope/transpiled', {
      'package.json': '{ "name": "@scope/transpiled", "main": "lib.js" }',
      'lib.js': `Object.defineProperty(exports, '__esModule', { value: true }); const { defineExporter, z } = require('bpflow/sdk'); exports.default = ${exporterCall('transpiled')};`,
    });
    for (const [plugin, type] of [
      ['only-import', 'only_import'],
      ['common', 'common'],
      ['@scope/transpiled', 'transpiled'],
    ] as const) {
      assert.equal((await loadPlugin({ plugin, folder }))[0]?.type, type);
    }
  });

  it('written in TypeScript', async () => {
    const folder = project('typescript');
    writeFileSync(join(folder, 'plugin.ts'), `const kind: string = 'x'; void kind;\n${exporter('typed')}`);
    assert.equal((await loadPlugin({ plugin: './plugin.ts', folder }))[0]?.type, 'typed');
  });
});

describe('a plugin shares the SDK of the running agent', () => {
  it('also where another copy is installed beside it', async () => {
    const folder = project('copies');
    install(folder, 'bpflow', {
      'package.json': '{ "name": "bpflow", "type": "module", "exports": { "./sdk": "./sdk.js" } }',
      'sdk.js': "throw new Error('the wrong copy');",
    });
    install(folder, 'curious', {
      'package.json': '{ "name": "curious", "type": "module", "exports": "./main.js" }',
      'main.js': `import * as sdk from 'bpflow/sdk'; globalThis.seenSdk = sdk; ${exporter('curious')}`,
    });
    await loadPlugin({ plugin: 'curious', folder });
    const { seenSdk } = globalThis as unknown as { seenSdk: typeof sdk };
    assert.equal(seenSdk.z, sdk.z);
    assert.equal(seenSdk.RetryableError, sdk.RetryableError);
  });

  it('also through a link from elsewhere', async () => {
    const folder = project('linked');
    mkdirSync(join(folder, 'links'));
    symlinkSync(join(fixtures, 'plugin-npm'), join(folder, 'links', 'tally'));
    assert.equal((await loadPlugin({ plugin: './links/tally', folder })).length, 3);
  });
});

describe('a broken plugin gives one error that names it', () => {
  const folder = join(fixtures, 'plugin-broken');
  const cases: readonly (readonly [plugin: string, message: RegExp | string])[] = [
    [
      'bpflow-plugin-nowhere',
      `plugin "bpflow-plugin-nowhere" was not found from ${folder}: install the package there, or correct the path.`,
    ],
    [
      './nowhere.js',
      `plugin "./nowhere.js" was not found from ${folder}: install the package there, or correct the path.`,
    ],
    ['./syntax.js', /^plugin "\.\/syntax\.js" cannot be imported: SyntaxError: Unexpected end of input/],
    ['./throws.js', /^plugin "\.\/throws\.js" cannot be imported: TypeError: no licence key \(.*throws\.js:1:\d+\)$/],
    [
      './dependency.js',
      /^plugin "\.\/dependency\.js" cannot be imported: Error: Cannot find package 'a-package-that-is-nowhere' imported from .*dependency\.js$/,
    ],
    [
      './no-default.js',
      /^plugin "\.\/no-default\.js" default-exports nothing: it must default-export one component made by/,
    ],
    [
      './no-component.js',
      /^plugin "\.\/no-component\.js" default-exports a value of type object that is no component: it must/,
    ],
    ['./empty.js', /^plugin "\.\/empty\.js" default-exports an empty array: it must/],
    [
      './other-sdk.js',
      `plugin "./other-sdk.js" was made with bpflow/sdk 7.0.0, this agent has ${version}: use a plugin for ${version}, and let it import bpflow/sdk instead of bundling it.`,
    ],
    [
      './no-entry',
      /^plugin "\.\/no-entry" has no entry that can be imported: No "exports" main defined in .*package\.json/,
    ],
    [
      './range',
      `plugin "./range" needs bpflow >=2 <3 (its peerDependencies), this agent is ${version}: use a plugin for ${version}.`,
    ],
  ];
  for (const [plugin, message] of cases) {
    it(plugin, async () => {
      const error = await loadPlugin({ plugin, folder }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof PipelineError);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }
});

describe('the catalogue', () => {
  const own = sdk.defineExporter({
    type: 'own',
    aliases: ['tally_old'],
    stability: 'stable',
    description: 'Own.',
    config: sdk.z.strictObject({}),
    consumes: ['logs'],
    create: () => ({ consume: {} }),
  });
  const builtIns: readonly BuiltIn[] = [
    { kind: 'exporter', type: 'own', aliases: ['tally_old'], load: async () => ({ default: own }) },
  ];

  it('finds components by type, alias and hyphenated spelling, with where they come from', async () => {
    const catalogue = new Catalogue(builtIns);
    await catalogue.addPlugins([{ plugin: 'bpflow-plugin-tally', folder: project('catalogue') }]);
    assert.equal((await catalogue.find('exporter', 'tally-old'))?.plugin, 'bpflow');
    assert.equal((await catalogue.find('processor', 'hold-back'))?.plugin, 'bpflow-plugin-tally');
    assert.equal(await catalogue.find('receiver', 'tally'), undefined);
    assert.equal(await catalogue.find('exporter', 'constructor'), undefined);
    assert.deepEqual(
      (await catalogue.all('exporter')).map(({ spec }) => spec.type),
      ['own', 'tally'],
    );
  });

  it('refuses a type that is there already, also under an alias, and reports all broken plugins at once', async () => {
    const folder = project('conflicts');
    writeFileSync(join(folder, 'a.mjs'), exporter('own'));
    writeFileSync(join(folder, 'b.mjs'), exporter('tally-old'));
    writeFileSync(join(folder, 'c.mjs'), 'throw new Error("c")');
    writeFileSync(join(folder, 'd.mjs'), exporter('tally'));
    const catalogue = new Catalogue(builtIns);
    const references = ['./a.mjs', './b.mjs', './c.mjs', './d.mjs', 'bpflow-plugin-tally'].map((plugin) => ({
      plugin,
      folder,
    }));
    const error = await catalogue.addPlugins(references).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PipelineErrors);
    assert.deepEqual(
      error.errors.map(({ message }: Error) => message.replace(/ \(\/.*\)$/, '')),
      [
        'plugin "./c.mjs" cannot be imported: Error: c',
        'exporter type "own" is provided by both "bpflow" and "./a.mjs": remove one of them from plugins.',
        'exporter type "tally_old" is provided by both "bpflow" and "./b.mjs": remove one of them from plugins.',
        'exporter type "tally" is provided by both "./d.mjs" and "bpflow-plugin-tally": remove one of them from plugins.',
      ],
    );
    assert.equal(await catalogue.find('exporter', 'tally'), undefined);
  });
});

/** A folder outside the source tree with the fixture package installed in its `node_modules`. */
function project(name: string): string {
  const folder = join(temp, name);
  cpSync(join(fixtures, 'plugin-npm'), join(folder, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
  return folder;
}

function install(folder: string, name: string, files: Readonly<Record<string, string>>): void {
  const target = join(folder, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(target, file), text);
}

function exporter(type: string): string {
  return `import { defineExporter, z } from 'bpflow/sdk'; export default ${exporterCall(type)};`;
}

function exporterCall(type: string): string {
  return `defineExporter({ type: '${type}', stability: 'alpha', description: '', config: z.strictObject({}), consumes: ['logs'], create: () => ({ consume: {} }) })`;
}
