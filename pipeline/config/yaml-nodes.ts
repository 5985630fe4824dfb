import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { formatOrigin } from './problems.ts';
import { resolvePlain, resolveTagged } from './scalars.ts';
import type { ConfigEntry, ConfigMap, ConfigNode, ConfigPath, ConfigProblem, Origin } from './types.ts';
import type { ParsedYaml } from './yaml.ts';

/** Turns a composed document into a tree with origins. Aliases share the node of their anchor. */
export function convertDocument(root: ParsedNode, at: (offset: number) => Origin): ParsedYaml {
  const conversion = new Conversion(at);
  return { node: conversion.convert(root, []), problems: conversion.problems };
}

class Conversion {
  readonly problems: ConfigProblem[] = [];
  readonly #at: (offset: number) => Origin;
  /** The latest node of each anchor; undefined while it is being converted. */
  readonly #anchors = new Map<string, ConfigNode | undefined>();
  /** Values below a node, aliases counted as if they were written out. */
  readonly #sizes = new WeakMap<ConfigNode, number>();

  #tooMany = false;

  constructor(at: (offset: number) => Origin) {
    this.#at = at;
  }

  convert(node: unknown, path: ConfigPath): ConfigNode {
    if (isAlias(node)) return this.#resolveAlias(node.source, this.#origin(node), path);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const converted = this.#measured(this.#convertPlain(node, path), path);
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #convertPlain(node: unknown, path: ConfigPath): ConfigNode {
    if (isMap(node)) return this.#convertMap(node, path);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.convert(item, [...path, i]));
      return { kind: 'list', items, origin: this.#origin(node) };
    }
    if (isScalar(node)) return { kind: 'scalar', value: this.#scalar(node, path), origin: this.#origin(node) };
    return { kind: 'scalar', value: null, origin: this.#at(0) };
  }

  #scalar(node: Scalar, path: ConfigPath): string | number | boolean | null {
    const text = node.source ?? String(node.value ?? '');
    if (node.tag === undefined || node.tag === '!') return node.type === 'PLAIN' ? resolvePlain(text) : text;
    if (node.tag === 'tag:yaml.org,2002:binary') return Buffer.from(text, 'base64').toString('utf8');
    const value = resolveTagged(node.tag, text);
    if (value === undefined) this.#problem(`${JSON.stringify(text)} does not suit its tag`, this.#origin(node), path);
    return value ?? null;
  }

  #convertMap(map: YAMLMap, path: ConfigPath): ConfigMap {
    const entries = new Map<string, ConfigEntry>();
    let merged: { readonly pair: Pair; readonly origin: Origin } | undefined;
    for (const pair of map.items) {
      if (!isPair(pair)) continue;
      const origin = this.#origin(pair.key);
      const key = this.#key(pair.key, origin, path);
      if (key === undefined) continue;
      const before = key.merge ? merged?.origin : entries.get(key.text)?.key;
      if (before !== undefined) {
        const message = `the key ${JSON.stringify(key.text)} is already defined at ${formatOrigin(before)}: remove one of them`;
        this.#problem(message, origin, [...path, key.text]);
      } else if (key.merge) merged = { pair, origin };
      else entries.set(key.text, { key: origin, value: this.convert(pair.value, [...path, key.text]) });
    }
    if (merged !== undefined) this.#merge(entries, merged.pair, merged.origin, path);
    return { kind: 'map', entries, origin: this.#origin(map) };
  }

  /** Adds the keys of the maps that `<<` names, where they are not there yet; earlier maps win. */
  #merge(entries: Map<string, ConfigEntry>, pair: Pair, origin: Origin, path: ConfigPath): void {
    const value = this.convert(pair.value, [...path, '<<']);
    for (const map of value.kind === 'list' ? value.items : [value]) {
      if (map.kind !== 'map') {
        this.#problem('<< takes a map or a list of maps', origin, [...path, '<<']);
        continue;
      }
      for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #key(
    node: unknown,
    origin: Origin,
    path: ConfigPath,
  ): { readonly text: string; readonly merge: boolean } | undefined {
    const target = isAlias(node) ? this.#resolveAlias(node.source, origin, path) : undefined;
    if (target?.kind === 'scalar' && target.value !== null) return { text: String(target.value), merge: false };
    if (isScalar(node)) {
      const text = node.source ?? String(node.value ?? '');
      const plain = node.type === 'PLAIN' && node.tag === undefined;
      if (!plain || resolvePlain(text) !== null) return { text, merge: plain && text === '<<' };
    }
    this.#problem(
      `a key must be a text, not ${isMap(node) ? 'a map' : isSeq(node) ? 'a list' : 'empty'}`,
      origin,
      path,
    );
    return undefined;
  }

  #resolveAlias(name: string, origin: Origin, path: ConfigPath): ConfigNode {
    const node = this.#anchors.get(name);
    if (node !== undefined) return node;
    const inside = this.#anchors.has(name);
    this.#problem(
      inside ? `the anchor &${name} contains its own alias` : `the alias *${name} has no anchor &${name} before it`,
      origin,
      path,
    );
    return { kind: 'scalar', value: null, origin };
  }

  #measured(node: ConfigNode, path: ConfigPath): ConfigNode {
    const { origin } = node;
    const known = this.#sizes.get(node);
    if (known !== undefined) return node;
    const children =
      node.kind === 'map'
        ? [...node.entries.values()].map(({ value }) => value)
        : node.kind === 'list'
          ? node.items
          : [];
    const size = children.reduce((sum, child) => sum + (this.#sizes.get(child) ?? 1), 1);
    this.#sizes.set(node, Math.min(size, MAX_VALUES));
    if (size <= MAX_VALUES) return node;
    if (!this.#tooMany)
      this.#problem(`there are more than ${MAX_VALUES} values here once the aliases are resolved`, origin, path);
    this.#tooMany = true;
    return { kind: 'scalar', value: null, origin };
  }

  #origin(node: unknown): Origin {
    return this.#at((node as Node | null)?.range?.[0] ?? 0);
  }

  #problem(message: string, origin: Origin, path: ConfigPath): void {
    this.problems.push({ path, message, origin });
  }
}

const MAX_VALUES = 200_000;
