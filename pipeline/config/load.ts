import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Environment, expand } from './expand.ts';
import { type MapNode, merge, type Node, nested, type Origin, toPlain } from './node.ts';
import { ConfigError, type Problem } from './problems.ts';
import { parseYaml } from './yaml.ts';

export interface LoadOptions {
  /** `--config`: a path, or a `file:`, `env:` or `yaml:` URI. */
  readonly uris: readonly string[];
  /** `--set`: `key.path=value`. */
  readonly sets: readonly string[];
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder that paths are relative to; the process's by default. */
  readonly cwd?: string;
}

export interface PluginReference {
  /** A package's name, or a path to a file or folder. */
  readonly plugin: string;
  /** Absolute path of the folder from which it is resolved: the configuration file's. */
  readonly folder: string;
}

export interface LoadedConfig {
  readonly root: MapNode;
  readonly plugins: readonly PluginReference[];
  readonly warnings: readonly Problem[];
}

/** Reads, merges and expands the configuration. Throws ConfigError with all that is wrong. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const cwd = options.cwd ?? process.cwd();
  if (options.uris.length === 0) throw new ConfigError([problem('at least one config flag must be provided')]);
  const environment: Environment = {
    variables: options.env ?? process.env,
    resolvePath: (path) => resolve(cwd, path),
  };
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const plugins: PluginReference[] = [];
  let root: Node | undefined;
  const add = (read: () => Node, folder: string) => {
    try {
      const expanded = expand(read(), environment);
      problems.push(...expanded.problems);
      warnings.push(...expanded.warnings);
      if (expanded.node.kind === 'scalar' && expanded.node.value === null) return;
      if (expanded.node.kind !== 'map') {
        problems.push({
          origin: expanded.node.origin,
          path: '',
          message: `the configuration must be a map, not ${describe(expanded.node)}`,
        });
        return;
      }
      plugins.push(...pluginsOf(expanded.node, folder, problems));
      root = root === undefined ? expanded.node : merge(root, expanded.node);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  };
  for (const uri of options.uris) add(() => read(uri, environment), folderOf(uri, cwd));
  for (const set of options.sets) add(() => parseSet(set), cwd);
  if (problems.length > 0) throw new ConfigError(problems);
  if (root?.kind !== 'map')
    throw new ConfigError([problem('empty configuration: it needs receivers, exporters and service::pipelines')]);
  return { root, plugins, warnings };
}

function read(uri: string, { variables, resolvePath }: Environment): Node {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(uri)?.[1];
  switch (scheme) {
    case undefined:
      return readFile(uri, resolvePath(uri));
    case 'file':
      return readFile(uri.slice(5), resolvePath(uri.slice(5)));
    case 'env':
      return parseYaml(variables[uri.slice(4)] ?? '', uri);
    case 'yaml':
      return readInline(uri.slice(5));
    default:
      throw new ConfigError([problem(`unsupported scheme on URI "${uri}"; use a path, file:, env: or yaml:`)]);
  }
}

function readFile(name: string, path: string): Node {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = { ENOENT: 'no such file or directory', EACCES: 'permission denied', EISDIR: 'is a directory' }[
      (error as NodeJS.ErrnoException).code ?? ''
    ];
    throw new ConfigError([problem(`unable to read the file ${name}: ${reason ?? String(error)}`)]);
  }
  return parseYaml(text, name);
}

/** `yaml:` text, whose keys may be paths: `processors::batch::timeout: 2s`. */
function readInline(text: string): Node {
  const node = parseYaml(text, 'yaml');
  if (node.kind !== 'map') return node;
  let root: Node = { ...node, entries: new Map() };
  for (const [key, { origin, value }] of node.entries) root = merge(root, nested(key.split('::'), value, origin));
  return root;
}

function parseSet(set: string): Node {
  const split = set.indexOf('=');
  const origin: Origin = { source: `--set ${set}`, line: 0, column: 0 };
  if (split < 0) {
    throw new ConfigError([problem(`invalid argument "${set}" for "--set" flag: missing equal sign`)]);
  }
  return nested(set.slice(0, split).split('.'), at(parseYaml(set.slice(split + 1), origin.source), origin), origin);
}

/** Positions within a flag say nothing: all of it is the flag. */
function at(node: Node, origin: Origin): Node {
  switch (node.kind) {
    case 'scalar':
      return { ...node, origin };
    case 'list':
      return { ...node, origin, items: node.items.map((item) => at(item, origin)) };
    case 'map':
      return {
        ...node,
        origin,
        entries: new Map([...node.entries].map(([key, { value }]) => [key, { origin, value: at(value, origin) }])),
      };
    default:
      return node satisfies never;
  }
}

function folderOf(uri: string, cwd: string): string {
  if (/^(env|yaml):/.test(uri)) return cwd;
  return dirname(resolve(cwd, uri.replace(/^file:/, '')));
}

/** Plugins are named relative to the file that names them, so they are read before files are merged. */
function pluginsOf(root: MapNode, folder: string, problems: Problem[]): readonly PluginReference[] {
  const list = root.entries.get('plugins')?.value;
  if (list === undefined || (list.kind === 'scalar' && list.value === null)) return [];
  const names = toPlain(list);
  if (Array.isArray(names) && names.every((name): name is string => typeof name === 'string' && name !== '')) {
    return names.map((plugin) => ({ plugin, folder }));
  }
  problems.push({ origin: list.origin, path: 'plugins', message: 'expected a list of package names or paths' });
  return [];
}

function describe(node: Node): string {
  return node.kind === 'list'
    ? 'a list'
    : `the ${typeof (node.kind === 'scalar' ? node.value : '')} ${JSON.stringify(toPlain(node))}`;
}

function problem(message: string): Problem {
  return { origin: undefined, path: '', message };
}
