import { existsSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin, registerHooks } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Makes the module loader answer every import of `bpflow/*`, from wherever it comes, with this agent's own copy, so that
 * there is one SDK (and one zod inside it) whatever lies in a plugin's `node_modules`. Lasts for the process; further calls do nothing.
 */
export function shareSdk(): void {
  const state = globalThis as { [INSTALLED]?: true };
  if (state[INSTALLED]) return;
  state[INSTALLED] = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier.startsWith(PLUGIN_SCHEME)) return nextResolve(...pluginRequest(specifier, context));
      const ours = specifier === 'bpflow' || specifier.startsWith('bpflow/');
      if (!ours || context.parentURL === import.meta.url) return nextResolve(specifier, context);
      return { url: import.meta.resolve(specifier), shortCircuit: true };
    },
  });
}

/**
 * The specifier under which a plugin is imported: `import(pluginSpecifier(…))`. A plugin is a package's name, resolved like
 * an import of a module in `folder`, or a path to a file or a package's folder.
 * Needs {@link shareSdk}. Throws an Error with code `ENOENT` where a path does not exist.
 */
export function pluginSpecifier(plugin: string, folder: string): string {
  if (!isPath(plugin)) return requestFrom(folder, plugin);
  const path = plugin.startsWith('file:') ? fileURLToPath(plugin) : resolve(folder, plugin);
  if (!statSync(path).isDirectory()) return pathToFileURL(path).href;
  const manifest = readManifest(path);
  if (manifest?.exports !== undefined && manifest.name !== undefined) return requestFrom(path, manifest.name);
  const entry = [manifest?.main, 'index.js', 'index.mjs', 'index.ts'].find(
    (candidate) => candidate !== undefined && existsSync(join(path, candidate)),
  );
  return pathToFileURL(join(path, entry ?? manifest?.main ?? 'index.js')).href;
}

/** Whether the plugin is written as a path, not as a package's name. */
export function isPath(plugin: string): boolean {
  return plugin.startsWith('./') || plugin.startsWith('../') || plugin.startsWith('file:') || isAbsolute(plugin);
}

export interface PluginManifest {
  readonly name?: string;
  readonly main?: string;
  readonly exports?: unknown;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The package.json of a folder; undefined where there is none that can be read. */
export function readManifest(folder: string): PluginManifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

const INSTALLED = Symbol.for('bpflow:sdk-shared');
const PLUGIN_SCHEME = 'bpflow-plugin:';

function requestFrom(folder: string, name: string): string {
  return `${PLUGIN_SCHEME}${encodeURIComponent(name)}?from=${encodeURIComponent(folder)}`;
}

/** A plugin's own sources under the condition `source` are not for us: that condition is how a checkout of the agent finds its own. */
function pluginRequest<C extends { conditions: string[] }>(
  specifier: string,
  context: C,
): [string, C & { parentURL: string }] {
  const url = new URL(specifier);
  const name = decodeURIComponent(url.pathname);
  const parentURL = pathToFileURL(join(url.searchParams.get('from')!, 'package.json')).href;
  return [
    isBuiltin(name) ? `./${name}` : name,
    { ...context, conditions: context.conditions.filter((condition) => condition !== 'source'), parentURL },
  ];
}
