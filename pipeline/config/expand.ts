import { dirname } from 'node:path';
import type {
  ConfigEntry,
  ConfigMap,
  ConfigNode,
  ConfigPath,
  ConfigProblem,
  LoadOptions,
  Origin,
  Source,
} from './types.ts';
import { envNameProblem, envReference, isScheme, readText, SCHEMES, splitUri } from './uri.ts';
import { parseYaml } from './yaml.ts';

export interface Expanded {
  readonly tree: ConfigMap;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  /** Absolute paths of files that `${file:…}` read. */
  readonly files: readonly string[];
}

/**
 * Replaces every `${…}` in the values of a tree and then `$$` by `$`. A value that is one reference and nothing else takes
 * the type that its text has in YAML, and keeps the text; inside other text, text is put.
 */
export function expand(tree: ConfigMap, options: Pick<LoadOptions, 'env' | 'cwd'>, sources: number): Expanded {
  const expansion = new Expansion(options, sources);
  const { problems, warnings, files } = expansion;
  return { tree: expansion.map(tree, [], []), problems, warnings, files };
}

/** The reference that is to be replaced next: the innermost of the first; undefined when there is none. */
export function findReference(text: string): { readonly start: number; readonly end: number } | undefined {
  let from = 0;
  for (let close = text.indexOf('}'); close >= 0; close = text.indexOf('}', from)) {
    const start = text.lastIndexOf('${', close);
    if (start >= from && !isEscaped(text, start)) return { start, end: close + 1 };
    from = close + 1;
  }
  return undefined;
}

/** Whether an odd number of dollars stands before a dollar. */
function isEscaped(text: string, dollar: number): boolean {
  let before = dollar;
  while (before > 0 && text[before - 1] === '$') before--;
  return (dollar - before) % 2 === 1;
}

interface Retrieved {
  readonly uri: string;
  readonly text: string;
  /** Set for a variable that is not there. */
  readonly unset?: true;
  /** Set for files: their own positions are told. */
  readonly source?: Source;
}

class Expansion {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];
  readonly files: string[] = [];
  readonly #options: Pick<LoadOptions, 'env' | 'cwd'>;
  #sources: number;
  #left = MAX_EXPANSIONS;
  #charactersLeft = MAX_CHARACTERS;
  #valuesLeft = MAX_VALUES;

  constructor(options: Pick<LoadOptions, 'env' | 'cwd'>, sources: number) {
    this.#options = options;
    this.#sources = sources;
  }

  /** `chain`: the references on the way to here. */
  map(map: ConfigMap, path: ConfigPath, chain: readonly string[]): ConfigMap {
    const entries = new Map<string, ConfigEntry>();
    for (const [key, { key: origin, value }] of map.entries) {
      entries.set(key, { key: origin, value: this.#node(value, [...path, key], chain) });
    }
    return { ...map, entries };
  }

  #node(node: ConfigNode, path: ConfigPath, chain: readonly string[]): ConfigNode {
    if (this.#valuesLeft-- <= 0) {
      if (this.#valuesLeft === -1) {
        this.problems.push({ path, message: `there are more than ${MAX_VALUES} values`, origin: node.origin });
      }
      return nullNode(node.origin);
    }
    switch (node.kind) {
      case 'map':
        return this.map(node, path, chain);
      case 'list':
        return { ...node, items: node.items.map((item, i) => this.#node(item, [...path, i], chain)) };
      case 'scalar':
        return typeof node.value === 'string' && node.value.includes('$')
          ? this.#text(node.value, node.origin, path, chain)
          : node;
      default:
        return node satisfies never;
    }
  }

  #text(written: string, origin: Origin, path: ConfigPath, chain: readonly string[]): ConfigNode {
    let text = written;
    for (let found = findReference(text); found !== undefined; found = findReference(text)) {
      const reference = text.slice(found.start, found.end);
      const retrieved = this.#retrieve(reference, origin, path, chain);
      if (retrieved === undefined) return { kind: 'scalar', value: null, origin };
      const inner = [...chain, link(retrieved.uri)];
      if (reference === text) return this.#whole(retrieved, viaOf(reference, retrieved, origin), path, inner);
      text = text.slice(0, found.start) + this.#inText(retrieved.text, origin, path, inner) + text.slice(found.end);
    }
    return { kind: 'scalar', value: unescaped(text), origin };
  }

  /** References inside a text that becomes part of another text. */
  #inText(written: string, origin: Origin, path: ConfigPath, chain: readonly string[]): string {
    let text = written;
    for (let found = findReference(text); found !== undefined; found = findReference(text)) {
      const retrieved = this.#retrieve(text.slice(found.start, found.end), origin, path, chain);
      if (retrieved === undefined) return '';
      const inner = this.#inText(retrieved.text, origin, path, [...chain, link(retrieved.uri)]);
      text = text.slice(0, found.start) + inner + text.slice(found.end);
    }
    return text;
  }

  #whole({ text, source }: Retrieved, origin: Origin, path: ConfigPath, chain: readonly string[]): ConfigNode {
    const parsed = parseYaml(text, (line, column) => (source === undefined ? origin : { source, line, column }));
    if (source !== undefined && parsed.problems.length > 0 && /\.ya?ml$/.test(source.label)) {
      this.problems.push(...parsed.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })));
      return { kind: 'scalar', value: null, origin };
    }
    const node: ConfigNode = parsed.problems.length > 0 ? textNode(text, origin) : (parsed.node ?? nullNode(origin));
    if (node.kind === 'scalar' && typeof node.value === 'string') return this.#text(text, origin, path, chain);
    const expanded = this.#node(node, path, chain);
    const placed = node.kind === 'scalar' ? { ...expanded, origin } : expanded;
    return { ...placed, text: unescaped(this.#inText(text, origin, path, chain)) };
  }

  #retrieve(reference: string, origin: Origin, path: ConfigPath, chain: readonly string[]): Retrieved | undefined {
    const written = reference.slice(2, -1);
    const uri = written.includes(':') ? written : `env:${written}`;
    const refuse = (message: string): undefined => void this.problems.push({ path, message, origin });
    if (chain.includes(link(uri)))
      return refuse(`${shown(reference)} expands to itself: ${[...chain, link(uri)].map(shown).join(' -> ')}`);
    const parts = splitUri(uri);
    if (parts === undefined)
      return refuse(`invalid uri: ${JSON.stringify(uri)}; write \${env:NAME} or \${env:NAME:-default}`);
    const { scheme, rest } = parts;
    if (!isScheme(scheme)) return refuse(unknownScheme(scheme, uri));
    if (rest.includes('$')) return refuse(`the uri ${JSON.stringify(uri)} contains unsupported characters ('$')`);
    const retrieved = this.#read(scheme, rest, origin, path);
    if (retrieved === undefined) return undefined;
    this.#left--;
    this.#charactersLeft -= retrieved.text.length;
    if (this.#left < 0 || this.#charactersLeft < 0 || chain.length >= MAX_CHAIN) {
      if (this.#left >= -1) this.problems.push({ path, message: 'too many recursive expansions', origin });
      this.#left = -2;
      return undefined;
    }
    return { ...retrieved, uri };
  }

  #read(
    scheme: (typeof SCHEMES)[number],
    rest: string,
    origin: Origin,
    path: ConfigPath,
  ): Omit<Retrieved, 'uri'> | undefined {
    switch (scheme) {
      case 'yaml':
        return { text: rest };
      case 'env':
        return this.#readEnv(rest, origin, path);
      case 'file': {
        const read = readText(rest, this.#options.cwd);
        if ('reason' in read) {
          this.problems.push({
            path,
            message: `the file ${JSON.stringify(rest)} cannot be read: ${read.reason}`,
            origin,
          });
          return undefined;
        }
        this.files.push(read.file);
        const source = { label: rest, folder: dirname(read.file), order: this.#sources++ };
        return { text: read.text.replace(/\r?\n$/, ''), source };
      }
      default:
        return scheme satisfies never;
    }
  }

  #readEnv(rest: string, origin: Origin, path: ConfigPath): Omit<Retrieved, 'uri'> | undefined {
    const { name, fallback } = envReference(rest);
    const problem = envNameProblem(name);
    if (problem !== undefined) {
      this.problems.push({ path, message: problem, origin });
      return undefined;
    }
    const value = Object.hasOwn(this.#options.env, name) ? this.#options.env[name] : undefined;
    if (value === undefined && fallback === undefined) {
      const message = `the environment variable ${name} is not set: the value is empty; \${env:${name}:-default} would give one`;
      this.warnings.push({ path, message, origin });
    }
    const text = value ?? fallback;
    return text === undefined ? { text: '', unset: true } : { text };
  }
}

function unescaped(text: string): string {
  return text.replaceAll('$$', '$');
}

function textNode(value: string, origin: Origin): ConfigNode {
  return { kind: 'scalar', value, origin };
}

function nullNode(origin: Origin): ConfigNode {
  return { kind: 'scalar', value: null, origin };
}

function viaOf(reference: string, { unset }: Retrieved, origin: Origin): Origin {
  return { ...origin, via: origin.via ?? `${shown(reference)}${unset ? ', which is not set' : ''}` };
}

/** What a reference is known by on the way to itself. */
function link(uri: string): string {
  return uri.startsWith('env:') ? `env:${envReference(uri.slice(4)).name}` : uri;
}

/** Without a default value, which may be secret, and not too long. */
function shown(reference: string): string {
  const plain = reference.replace(/:-[^}]*/, '').replace(/yaml:[^}]*/s, 'yaml:…');
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}

function unknownScheme(scheme: string, uri: string): string {
  const hint = uri.startsWith(`${scheme}:-`) ? `; write \${env:${uri}}` : `; valid schemes are ${SCHEMES.join(', ')}`;
  return `scheme ${JSON.stringify(scheme)} is not supported for uri ${JSON.stringify(uri)}${hint}`;
}

const MAX_EXPANSIONS = 10_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_VALUES = 200_000;
const MAX_CHAIN = 100;
