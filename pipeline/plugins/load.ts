import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ComponentSpec } from '../../sdk/component.ts';
import { SPEC_MARK } from '../../sdk/define.ts';
import { asError } from '../../sdk/errors.ts';
import { version } from '../../sdk/version.ts';
import { pluginErrors } from '../errors.ts';
import { isPath, pluginSpecifier, readManifest, shareSdk } from './resolve.ts';
import { compatible, satisfies } from './versions.ts';

/** A plugin as the configuration names it. */
export interface PluginReference {
  /** A package's name, or a path to a file or folder. */
  readonly plugin: string;
  /** Absolute path of the folder from which it is resolved: the configuration file's. */
  readonly folder: string;
}

/**
 * Imports a plugin and returns its components. Throws a PipelineError that names the plugin when it is missing, cannot be
 * imported, exports something else, or was made for another SDK.
 */
export async function loadPlugin({ plugin, folder }: PluginReference): Promise<readonly ComponentSpec[]> {
  shareSdk();
  const exported = await importDefault(plugin, folder);
  const specs: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (specs.length === 0) throw pluginErrors.noDefault(plugin, 'an empty array');
  return specs.map((spec) => checked(plugin, spec));
}

async function importDefault(plugin: string, folder: string): Promise<unknown> {
  let module: { readonly default?: unknown };
  try {
    const specifier = pluginSpecifier(plugin, folder);
    checkPeerRange(plugin, folder, specifier);
    module = await import(specifier);
  } catch (thrown) {
    throw explained(plugin, folder, thrown);
  }
  if (module.default === undefined) throw pluginErrors.noDefault(plugin, 'nothing');
  return unwrapCommonJs(module.default);
}

/** CommonJS made from `export default` carries it in a property: `{ __esModule: true, default: … }`. */
function unwrapCommonJs(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null) return exported;
  return '__esModule' in exported && 'default' in exported ? exported.default : exported;
}

function checked(plugin: string, spec: unknown): ComponentSpec {
  if (typeof spec !== 'object' || spec === null || !(SPEC_MARK in spec)) {
    throw pluginErrors.noDefault(
      plugin,
      spec === null ? 'null' : `a value of type ${typeof spec} that is no component`,
    );
  }
  const theirs = String(spec[SPEC_MARK]);
  if (!compatible(theirs, version)) throw pluginErrors.version(plugin, theirs, version);
  return spec as unknown as ComponentSpec;
}

function checkPeerRange(plugin: string, folder: string, specifier: string): void {
  const range = packageFolders(plugin, folder, specifier)
    .map((candidate) => readManifest(candidate)?.peerDependencies?.['bpflow'])
    .find((found) => found !== undefined);
  if (range !== undefined && !satisfies(version, range)) throw pluginErrors.range(plugin, range, version);
}

/** Where the plugin's package.json may lie, nearest first. */
function packageFolders(plugin: string, folder: string, specifier: string): readonly string[] {
  if (!isPath(plugin)) return [...ancestors(folder)].map((ancestor) => join(ancestor, 'node_modules', plugin));
  const start = specifier.startsWith('file:') ? dirname(fileURLToPath(specifier)) : join(folder, plugin);
  return [start];
}

function* ancestors(folder: string): Generator<string> {
  yield folder;
  const parent = dirname(folder);
  if (parent !== folder) yield* ancestors(parent);
}

function explained(plugin: string, folder: string, thrown: unknown): Error {
  const error = asError(thrown);
  if (error.name === 'PipelineError') return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return pluginErrors.missing(plugin, folder, error);
  if (code === 'ERR_MODULE_NOT_FOUND' && isMissing(error, plugin)) return pluginErrors.missing(plugin, folder, error);
  if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return pluginErrors.noEntry(plugin, firstLine(error), error);
  return pluginErrors.throws(
    plugin,
    `${error.name}: ${firstLine(error)}${code === undefined ? place(error) : ''}`,
    error,
  );
}

/** Whether the module that was not found is the plugin itself, not something it imports. A path was looked for before. */
function isMissing(error: Error, plugin: string): boolean {
  return !isPath(plugin) && error.message.includes(`'${plugin}'`);
}

/** ` (file:line:column)` of the first frame; empty where it is none of a file. */
function place(error: Error): string {
  const frame = error.stack?.split('\n').find((line) => line.startsWith('    at ')) ?? '';
  const found = /^ {4}at (?:.*\()?(?:file:\/\/)?(\/.+:\d+:\d+)\)?$/.exec(frame)?.[1];
  return found === undefined ? '' : ` (${found})`;
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0]!;
}
