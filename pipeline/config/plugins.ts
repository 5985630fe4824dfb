import { ConfigError, kindOf } from './problems.ts';
import type { ConfigMap, ConfigProblem, PluginReference } from './types.ts';

/**
 * The plugins that a configuration names, in order, each with the folder it is resolved from. Can be read before anything is
 * checked. Throws a ConfigError when `plugins` is no list of texts.
 */
export function pluginsOf(tree: ConfigMap): readonly PluginReference[] {
  const list = tree.entries.get('plugins')?.value;
  if (list === undefined || (list.kind === 'scalar' && list.value === null)) return [];
  if (list.kind !== 'list') {
    throw new ConfigError([
      { path: ['plugins'], message: `expected a list of packages or paths, got ${kindOf(list)}`, origin: list.origin },
    ]);
  }
  const problems: ConfigProblem[] = [];
  const plugins: PluginReference[] = [];
  for (const [i, item] of list.items.entries()) {
    const plugin = item.kind === 'scalar' ? item.value : undefined;
    if (typeof plugin === 'string' && plugin !== '') plugins.push({ plugin, folder: item.origin.source.folder });
    else
      problems.push({
        path: ['plugins', i],
        message: `expected a package's name or a path, got ${kindOf(item)}`,
        origin: item.origin,
      });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return plugins;
}
