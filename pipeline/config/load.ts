import { dirname } from 'node:path';
import { expand } from './expand.ts';
import { mapAt, mergeMaps, splitRootKeys } from './merge.ts';
import { ConfigError, kindOf } from './problems.ts';
import type { ConfigMap, ConfigNode, ConfigProblem, LoadedConfig, LoadOptions, Origin, Source } from './types.ts';
import { envNameProblem, envReference, isScheme, readText, SCHEMES, splitUri } from './uri.ts';
import { parseYaml } from './yaml.ts';

/**
 * Reads every source, merges them from left to right (maps at all levels, lists replaced), lays `--set` over them and
 * replaces `${…}`. Throws a ConfigError with all problems when a source cannot be read or parsed, or nothing is configured.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  if (options.uris.length === 0)
    throw new ConfigError([{ path: [], message: 'at least one config flag must be provided' }]);
  const reader = new Reader(options);
  const maps = [
    ...options.uris.map((uri) => reader.source(uri)),
    ...(options.sets ?? []).map((flag) => reader.setting(flag)),
  ];
  if (reader.fatal.length > 0) throw new ConfigError([...reader.fatal, ...reader.problems]);
  const trees = maps.filter((map) => map !== undefined);
  const merged = trees.slice(1).reduce(mergeMaps, trees[0] ?? reader.emptyMap());
  if (merged.entries.size === 0) throw new ConfigError([...reader.problems, emptiness(merged)]);
  const { tree, problems, warnings, files } = expand(merged, options, reader.sources);
  return {
    tree,
    problems: [...reader.problems, ...problems],
    warnings: [...reader.warnings, ...warnings],
    files: [...reader.files, ...files],
  };
}

function emptiness({ origin }: ConfigMap): ConfigProblem {
  const message = 'the configuration is empty: it needs receivers, exporters, and a pipeline in service::pipelines';
  return { path: [], message, origin: { ...origin, line: 0, column: 0 } };
}

class Reader {
  /** Without these sources there is nothing to check. */
  readonly fatal: ConfigProblem[] = [];
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];
  readonly files: string[] = [];
  readonly #options: LoadOptions;
  #sources = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** How many sources were given. */
  get sources(): number {
    return this.#sources;
  }

  emptyMap(): ConfigMap {
    const source = { label: this.#options.uris[0]!, folder: this.#options.cwd, order: 0 };
    return { kind: 'map', entries: new Map(), origin: { source, line: 0, column: 0 } };
  }

  /** The map that a URI leads to; undefined when it is empty or a problem. */
  source(uri: string): ConfigMap | undefined {
    const parts = splitUri(uri);
    const scheme = parts?.scheme ?? 'file';
    const rest = parts?.rest ?? uri;
    const outside = this.#source(uri, this.#options.cwd);
    if (!isScheme(scheme)) {
      return this.#fail(
        `unsupported scheme on URI ${JSON.stringify(uri)}: use a path, ${SCHEMES.map((known) => `${known}:`).join(', ')}`,
      );
    }
    switch (scheme) {
      case 'yaml':
        return this.#parse(rest, { ...outside, label: yamlLabel(rest) });
      case 'env': {
        const { name, fallback } = envReference(rest);
        const problem = envNameProblem(name);
        if (problem !== undefined) return this.#fail(problem);
        const text = (Object.hasOwn(this.#options.env, name) ? this.#options.env[name] : undefined) ?? fallback;
        if (text === undefined)
          this.warnings.push({ path: [], message: `the environment variable ${name} is not set` });
        return this.#parse(text ?? '', { ...outside, label: `env:${name}` });
      }
      case 'file': {
        const read = readText(rest, this.#options.cwd);
        if ('reason' in read)
          return this.#fail(`the configuration cannot be read: ${read.reason}`, { ...outside, label: rest });
        this.files.push(read.file);
        return this.#parse(read.text, { label: rest, folder: dirname(read.file), order: outside.order });
      }
      default:
        return scheme satisfies never;
    }
  }

  /** The map that `--set key.path=value` stands for. */
  setting(flag: string): ConfigMap | undefined {
    const at = flag.indexOf('=');
    if (at < 0) return this.#fail(`invalid argument ${JSON.stringify(flag)} for "--set" flag: missing equal sign`);
    const written = flag.slice(0, at).trim();
    const keys = written.replaceAll('.', '::').split('::');
    if (keys.some((key) => key === '')) {
      return this.#fail(`invalid key ${JSON.stringify(written)} for "--set" flag: write key.path=value`);
    }
    const source = this.#source(`--set ${written}`, this.#options.cwd);
    const origin: Origin = { source, line: 0, column: 0 };
    const { node, problems } = parseYaml(flag.slice(at + 1), () => origin);
    this.problems.push(...problems);
    const nothing: ConfigNode = { kind: 'scalar', value: null, origin };
    return mapAt(keys, node ?? nothing, origin);
  }

  #source(label: string, folder: string): Source {
    return { label, folder, order: this.#sources++ };
  }

  #fail(message: string, source?: Source): undefined {
    this.fatal.push({ path: [], message, origin: source && { source, line: 0, column: 0 } });
    return undefined;
  }

  #parse(text: string, source: Source): ConfigMap | undefined {
    const isLine = source.label.startsWith('yaml') && !text.includes('\n');
    const { node, problems } = parseYaml(text, (line, column) =>
      isLine ? { source, line: 0, column: 0 } : { source, line, column },
    );
    if (node?.kind === 'map') {
      this.problems.push(...problems);
      return splitRootKeys(node);
    }
    this.fatal.push(...problems);
    if (node !== undefined && !(node.kind === 'scalar' && node.value === null)) {
      this.fatal.push({ path: [], message: `a configuration is a map, this is ${kindOf(node)}`, origin: node.origin });
    }
    return undefined;
  }
}

/** `yaml:processors::batch::timeout`: values may be secret, and long. */
function yamlLabel(text: string): string {
  const key = /^[\w:/.-]+?(?=:(?: |$))/.exec(text)?.[0];
  return key === undefined ? 'yaml' : `yaml:${key}`;
}
