import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from './load.ts';
import { pluginsOf } from './plugins.ts';
import { printConfig } from './print.ts';
import { ConfigError, formatProblem } from './problems.ts';
import { testSpecs } from './testdata/specs.ts';
import type { LoadOptions, ResolvedComponent, ResolvedConfig } from './types.ts';
import { validateConfig } from './validate.ts';

/**
 * Each folder of `testdata` is a case: what is given in `config.yaml` and, where needed, `args.json`
 * (`{ "uris": […], "sets": […], "show": ["service"] }`) and `env.json`; and what must come out, in any of
 *   expected.txt   every problem
 *   warnings.txt   every warning of a configuration without problems; none without this file
 *   expected.json  the validated configurations, pipelines and extensions, and what `show` adds
 *   expected.yaml  what print-config prints
 * Run with GOLDEN=write to write what came out over what is there, and read the difference.
 */
describe('cases', () => {
  const testdata = join(import.meta.dirname, 'testdata');
  for (const folder of readdirSync(testdata, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    test(folder.name.replaceAll('-', ' '), () => runCase(join(testdata, folder.name)));
  }
});

async function runCase(folder: string): Promise<void> {
  const args = json(folder, 'args.json') as Partial<LoadOptions> & { readonly show?: readonly string[] };
  const options: LoadOptions = {
    uris: args.uris ?? ['config.yaml'],
    sets: args.sets ?? [],
    env: json(folder, 'env.json') as Record<string, string>,
    cwd: folder,
  };
  const outputs = await outcome(options, args.show ?? []);
  const files = Object.keys(outputs).filter((file) => existsSync(join(folder, file)));
  if (process.env['GOLDEN'] === 'write') {
    for (const file of files) writeFileSync(join(folder, file), outputs[file]!);
  }
  assert.ok(files.length > 0, `one of ${Object.keys(outputs).join(', ')} must be there`);
  for (const [file, text] of Object.entries(outputs)) {
    const isSilent = file === 'warnings.txt' || file === 'expected.txt';
    if (files.includes(file)) assert.equal(text, readFileSync(join(folder, file), 'utf8'), file);
    else if (isSilent) assert.equal(text, '', file);
  }
}

async function outcome(options: LoadOptions, show: readonly string[]): Promise<Readonly<Record<string, string>>> {
  try {
    const loaded = loadConfig(options);
    const plugins = pluginsOf(loaded.tree).map(({ plugin }) => plugin);
    const { config, warnings } = await validateConfig(loaded, testSpecs);
    const details: Record<string, unknown> = { ...shown(config), service: config.service, plugins };
    const hidden = ['service', 'plugins'].filter((key) => !show.includes(key));
    for (const key of hidden) delete details[key];
    return {
      'expected.txt': '',
      'warnings.txt': lines(warnings.map(formatProblem)),
      'expected.json': `${JSON.stringify(details, null, 2)}\n`,
      'expected.yaml': printConfig(loaded.tree, config, { format: 'yaml', mode: 'redacted' }),
    };
  } catch (error) {
    if (error instanceof ConfigError) return { 'expected.txt': lines([error.message]) };
    throw error;
  }
}

function shown({ components, extensions, pipelines }: ResolvedConfig): Record<string, unknown> {
  const id = (component: ResolvedComponent): string => `${component.id.kind} ${component.id}`;
  return {
    components: Object.fromEntries(components.map((it) => [`${id(it)}${it.used ? '' : ' (unused)'}`, it.config])),
    extensions: extensions.map(id),
    pipelines: Object.fromEntries(
      pipelines.map(({ id: name, receivers, processors, exporters }) => [
        name,
        [...receivers, ...processors, ...exporters].map(id).join(' -> '),
      ]),
    ),
  };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

function json(folder: string, file: string): object {
  return existsSync(join(folder, file)) ? JSON.parse(readFileSync(join(folder, file), 'utf8')) : {};
}
