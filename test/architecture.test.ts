import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { describe, test } from 'node:test';

const root = dirname(import.meta.dirname);
const files = sourceFiles();
const sources = files.filter((file) => file.endsWith('.ts') && !isTestOrScript(file));
const dependencies = Object.keys(JSON.parse(read('package.json')).dependencies);
const componentKinds = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'];

interface Import {
  readonly file: string;
  /** A path from the root for relative imports, else the specifier. */
  readonly target: string;
}
const imports = sources.flatMap(importsOf);

describe('who may import what', () => {
  allow('pdata', (target) => isBelow(target, 'pdata'));

  allow('sdk', (target, file) => {
    if (file === 'sdk/otel.ts' && target.startsWith('@opentelemetry/')) return true;
    if (isBelow(file, 'sdk/testing') && (target.startsWith('node:') || target === 'yaml')) return true;
    if (isBelow(file, 'sdk/transport') && (target.startsWith('node:') || /^(?:bpflow\/sdk|snappy)$/.test(target)))
      return true;
    if (isBelow(file, 'sdk/containers') && target.startsWith('node:')) return true;
    if (isBelow(file, 'sdk/kubernetes') && (target.startsWith('node:') || target === 'yaml')) return true;
    if (isBelow(file, 'sdk/prometheus') && (target.startsWith('node:') || target === 'bpflow/sdk')) return true;
    return isBelow(target, 'sdk') || isBelow(target, 'pdata') || target === 'zod';
  });

  allow('native', (target) => isBelow(target, 'native') || isBelow(target, 'sdk') || target.startsWith('node:'));

  allow('bpf', (target) => isBelow(target, 'bpf') || target === 'bpflow/sdk');

  for (const kind of componentKinds) {
    allow(kind, (target, file) => {
      const component = file.split('/').slice(0, 2).join('/');
      if (
        isBelow(target, component) ||
        /^bpflow\/(?:sdk|transport(?:\/listening)?|prometheus|containers|kubernetes|testing)$/.test(target)
      )
        return true;
      if (isBelow(target, 'bpf') && target.endsWith('.gen.ts')) return true;
      return target.startsWith('node:') || (isDependency(target) && !isContainerLibrary(target));
    });
  }

  allow('pipeline', (target, file) => {
    if (isContainerLibrary(target)) return isBelow(file, 'pipeline/plugins');
    if (isBelow(target, 'native')) return file === 'pipeline/plugins/container.ts';
    if (componentKinds.some((kind) => isBelow(target, kind))) return file === 'pipeline/manifest.ts';
    if (['pipeline', 'sdk', 'pdata'].some((folder) => isBelow(target, folder))) return true;
    return target.startsWith('node:') || target === 'bpflow/sdk' || isDependency(target);
  });

  test('every relative import leads to a file, and names its extension', () => {
    const lost = imports.filter(({ target }) => !isPackage(target) && !existsSync(join(root, target)));
    assert.deepEqual(lost, []);
  });

  test('the rules see imports of every form', () => {
    const text = [
      "import 'a';",
      "import type { A } from 'b';",
      "import {\n  type B,\n  c,\n} from 'c';",
      "export * from 'd';",
      "export { e } from 'e';",
      "const f = await import('f');",
      "type G = import('g').G;",
      "// import h from 'h'",
    ].join('\n');
    assert.deepEqual(specifiersOf(text).sort(), ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });
});

describe('the sources', () => {
  // A WeakSet or WeakMap that marks objects is let through: a mark ends with its object, no second agent sees it.
  test('have no mutable state at module level', () => {
    const state =
      /^(?:export )?(?:(?:let|var) \w+|const \w+(?:: (?!readonly |Readonly)[^=\n]+)? = (?:new (?:Map|Set)(?:<.*>)?\(\)|\[\]|\{\});)/gm;
    const found = sources.flatMap((file) => [...read(file).matchAll(state)].map(([text]) => `${file}: ${text}`));
    assert.deepEqual(found, []);
  });

  test('have no folder or file whose name says nothing', () => {
    const empty = /^(?:utils?|helpers?|common|internal|managers?|services?|misc|shared)$/;
    const sectionOfTheConfiguration = 'pipeline/config/service.ts';
    const found = files
      .filter((file) => file !== sectionOfTheConfiguration)
      .filter((file) => file.split('/').some((part) => empty.test(part.replace(/\..*$/, ''))));
    assert.deepEqual(found, []);
  });

  test('are named in kebab-case', () => {
    const odd = sources.filter((file) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*\.ts$/.test(basename(file)));
    assert.deepEqual(odd, []);
  });

  test('name no path of one machine, no folder outside the checkout, no registry', () => {
    const patterns = [/(?<![\w.}-])\/(?:work|farm|home\/\w+)\//, /\.\.\/shared\b/, /\bregistry\.[a-z]+js\.org\b/];
    const found = files
      .filter((file) => file !== 'test/architecture.test.ts')
      .flatMap((file) =>
        read(file)
          .split('\n')
          .flatMap((line, index) =>
            patterns.some((pattern) => pattern.test(line)) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
          ),
      );
    assert.deepEqual(found, []);
  });
});

/** One test: every import of the folder's sources satisfies the rule. */
function allow(folder: string, rule: (target: string, file: string) => boolean): void {
  test(`${folder} imports only what it may`, () => {
    const forbidden = imports.filter(({ file, target }) => isBelow(file, folder) && !rule(target, file));
    assert.deepEqual(forbidden, []);
  });
}

/** What git tracks or would track; in an unpacked archive everything that is not installed or built. */
function sourceFiles(): readonly string[] {
  if (!existsSync(join(root, '.git'))) {
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((file) => !/(?:^|\/)(?:node_modules|build|dist|prebuilds)\//.test(file));
  }
  const arguments_ = ['-c', 'safe.directory=*', 'ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const list = execFileSync('git', arguments_, { cwd: root, encoding: 'utf8' });
  return [...new Set(list.split('\0'))].filter((file) => file !== '' && existsSync(join(root, file)));
}

function isTestOrScript(file: string): boolean {
  return file.endsWith('.test.ts') || /(?:^|\/)(?:test|scripts)\//.test(file);
}

function importsOf(file: string): readonly Import[] {
  return specifiersOf(read(file)).map((specifier) => ({
    file,
    target: specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier,
  }));
}

function specifiersOf(text: string): string[] {
  const statement = /^(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]/gm;
  const call = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...text.matchAll(statement), ...text.matchAll(call)].map(([, specifier]) => specifier!);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function isPackage(target: string): boolean {
  return target.startsWith('node:') || target.startsWith('bpflow/') || isDependency(target);
}

function isDependency(target: string): boolean {
  return dependencies.some((name) => target === name || target.startsWith(`${name}/`));
}

function isContainerLibrary(target: string): boolean {
  return /^(?:tsyringe|reflect-metadata)(?:\/|$)/.test(target);
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
