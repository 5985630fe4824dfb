import { readFileSync } from 'node:fs';
import type { Entry, Node, Origin, ScalarNode } from './node.ts';
import type { Problem } from './problems.ts';
import { resolvePlain } from './scalars.ts';
import { asText, PROBLEM_DEPTH } from './text.ts';
import { parseYaml } from './yaml.ts';

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Folder against which `file:` is resolved. */
  readonly resolvePath: (path: string) => string;
}

export interface Expanded {
  readonly node: Node;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Replaces `${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:PATH}` and `${yaml:TEXT}` in all texts, inside out; what
 * comes in is expanded too. `$$` stands for `$`. A text that is one reference and nothing else takes its value's type.
 */
export function expand(node: Node, environment: Environment): Expanded {
  const expansion = new Expansion(environment);
  const expanded = expansion.node(node, []);
  return { node: expanded, problems: expansion.problems, warnings: expansion.warnings };
}

/** Schemes a reference may have. */
export const SCHEMES: readonly string[] = ['env', 'file', 'yaml'];

class Expansion {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  node(node: Node, path: readonly string[]): Node {
    switch (node.kind) {
      case 'map': {
        const entries = new Map<string, Entry>();
        for (const [key, { origin, value }] of node.entries) {
          entries.set(key, { origin, value: this.node(value, [...path, key]) });
        }
        return { ...node, entries };
      }
      case 'list':
        return { ...node, items: node.items.map((item, i) => this.node(item, [...path, String(i)])) };
      case 'scalar':
        return typeof node.value === 'string' && node.value.includes('$')
          ? this.#text(node.value, node, path, 0)
          : node;
      default:
        return node satisfies never;
    }
  }

  #text(text: string, at: ScalarNode, path: readonly string[], depth: number): Node {
    if (depth > PROBLEM_DEPTH) return this.#refuse(at.origin, path, 'references refer to each other without end');
    const end = text.startsWith('${') ? closing(text, 2) : -1;
    if (end === text.length - 1) return this.#reference(text.slice(2, end), at, path, depth);
    let result = '';
    for (let i = 0; i < text.length; ) {
      if (text.startsWith('$$', i)) {
        result += '$';
        i += 2;
        continue;
      }
      const close = text.startsWith('${', i) ? closing(text, i + 2) : -1;
      if (close < 0) {
        result += text[i++];
        continue;
      }
      const value = this.#reference(text.slice(i + 2, close), at, path, depth);
      const part = asText(value);
      if (part === undefined)
        return this.#refuse(
          at.origin,
          path,
          `\${${text.slice(i + 2, close)}} is a map or list and cannot be part of a text`,
        );
      result += part;
      i = close + 1;
    }
    return { kind: 'scalar', value: result, origin: at.origin };
  }

  #reference(inside: string, at: ScalarNode, path: readonly string[], depth: number): Node {
    const inner = inside.includes('$') ? (asText(this.#text(inside, at, path, depth + 1)) ?? '') : inside;
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):(?!-)/.exec(inner)?.[1];
    if (scheme === undefined || scheme === 'env') {
      return this.#variable(scheme === undefined ? inner : inner.slice(4), at, path, depth);
    }
    const rest = inner.slice(scheme.length + 1);
    switch (scheme) {
      case 'file':
        return this.#file(rest, at, path, depth);
      case 'yaml':
        return this.node(parseYaml(rest, 'yaml'), path);
      default:
        return this.#refuse(
          at.origin,
          path,
          `scheme "${scheme}" is not supported for uri "${inner}"; use ${SCHEMES.join(', ')}`,
        );
    }
  }

  #variable(written: string, at: ScalarNode, path: readonly string[], depth: number): Node {
    const split = written.indexOf(':-');
    const name = split < 0 ? written : written.slice(0, split);
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      return this.#refuse(
        at.origin,
        path,
        `environment variable "${name}" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`,
      );
    }
    const value = this.#environment.variables[name] ?? (split < 0 ? undefined : written.slice(split + 2));
    if (value === undefined) {
      this.warnings.push({
        origin: at.origin,
        path: path.join('::'),
        message: `the environment variable ${name} is not set; its value is empty`,
      });
      return { kind: 'scalar', value: null, text: '', origin: at.origin };
    }
    if (value.includes('$')) return this.#text(value, at, path, depth + 1);
    return this.#parsed(value, at.origin, `env:${name}`);
  }

  #file(path: string, at: ScalarNode, where: readonly string[], depth: number): Node {
    try {
      const text = readFileSync(this.#environment.resolvePath(path), 'utf8').replace(/\r?\n$/, '');
      if (text.includes('$') && !/[\n:]/.test(text)) return this.#text(text, at, where, depth + 1);
      return this.node(this.#parsed(text, at.origin, `file:${path}`), where);
    } catch (error) {
      return this.#refuse(
        at.origin,
        where,
        `unable to read the file ${path}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  /** A value that comes from outside is YAML where it is a map or list, else a text of its own type. */
  #parsed(text: string, origin: Origin, source: string): Node {
    if (/^\s*[[{]|[:\n]/.test(text)) {
      try {
        const node = parseYaml(text, source);
        if (node.kind !== 'scalar') return node;
      } catch {
        // Not YAML: a text like any other.
      }
      return { kind: 'scalar', value: text, text, origin };
    }
    return { kind: 'scalar', value: resolvePlain(text), text, origin };
  }

  #refuse(origin: Origin, path: readonly string[], message: string): Node {
    this.problems.push({ origin, path: path.join('::'), message });
    return { kind: 'scalar', value: null, origin };
  }
}

/** Index of the brace that closes a reference whose inside begins at `from`; -1 when there is none. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text.startsWith('${', i)) {
      depth++;
      i++;
    } else if (text[i] === '}' && --depth === 0) {
      return i;
    }
  }
  return -1;
}
