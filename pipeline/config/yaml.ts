import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  Scalar,
  type YAMLMap,
  type Node as YamlNode,
} from 'yaml';
import type { Entry, ListNode, MapNode, Node, Origin } from './node.ts';
import { ConfigError, type Problem } from './problems.ts';
import { resolvePlain } from './scalars.ts';

/** Larger files, deeper nesting and more values than these are refused: they are no configuration, but an attack or an accident. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_DEPTH = 100;
const MAX_NODES = 1_000_000;

/** Reads a YAML text. `source` names it in messages. Throws ConfigError with all that is wrong. */
export function parseYaml(text: string, source: string): Node {
  if (text.length > MAX_BYTES) {
    throw new ConfigError([
      { origin: { source, line: 0, column: 0 }, path: '', message: 'the file is larger than 16 MiB' },
    ]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const place = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { source, line, column: col };
  };
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(
        (error): Problem => ({ origin: place(error.pos[0]), path: '', message: explain(error.code, error.message) }),
      ),
    );
  }
  const conversion = new Conversion(document, place);
  const root = conversion.convert(document.contents, place(0), []);
  if (conversion.problems.length > 0) throw new ConfigError(conversion.problems);
  return root;
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used for indentation; YAML wants spaces';
    case 'MULTIPLE_DOCS':
      return 'the file holds more than one YAML document; keep one, or pass several --config';
    default:
      return `invalid YAML: ${message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`;
  }
}

class Conversion {
  readonly problems: Problem[] = [];
  readonly #document: Document;
  readonly #place: (offset: number) => Origin;
  #nodes = 0;

  constructor(document: Document, place: (offset: number) => Origin) {
    this.#document = document;
    this.#place = place;
  }

  convert(node: unknown, parent: Origin, path: readonly string[]): Node {
    const origin = this.#originOf(node) ?? parent;
    if (path.length > MAX_DEPTH) return this.#refuse(origin, path, `values are nested deeper than ${MAX_DEPTH} levels`);
    if (++this.#nodes > MAX_NODES)
      return this.#refuse(origin, path, `more than ${MAX_NODES} values; do aliases repeat each other?`);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) return this.#refuse(origin, path, `the alias *${node.source} has no anchor`);
      return this.convert(target, origin, path);
    }
    if (isMap(node)) return this.#map(node, origin, path);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.convert(item, origin, [...path, String(i)]));
      return { kind: 'list', items, origin } satisfies ListNode;
    }
    if (!isScalar(node)) return { kind: 'scalar', value: null, text: '', origin };
    const text = String(node.value ?? '');
    if (node.type !== Scalar.PLAIN && node.type !== undefined) return { kind: 'scalar', value: text, origin };
    if (node.tag === '!!str' || node.tag === 'tag:yaml.org,2002:str') {
      if (node.srcToken === undefined && node.type === undefined)
        return { kind: 'scalar', value: null, text: '', origin };
    }
    return { kind: 'scalar', value: resolvePlain(text), text, origin };
  }

  #map(node: YAMLMap, origin: Origin, path: readonly string[]): MapNode {
    const entries = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of node.items) {
      const at = this.#originOf(pair.key) ?? origin;
      if (!isScalar(pair.key)) {
        this.#refuse(at, path, 'a key must be a plain text');
        continue;
      }
      const key = String(pair.key.value ?? '');
      if (key === '<<' && pair.key.type === Scalar.PLAIN) {
        for (const [name, entry] of this.#merged(pair.value, at, path)) if (!merged.has(name)) merged.set(name, entry);
        continue;
      }
      const known = entries.get(key);
      if (known !== undefined) {
        this.#refuse(
          at,
          [...path, key],
          `the key is there twice; first at line ${known.origin.line}, column ${known.origin.column}`,
        );
        continue;
      }
      entries.set(key, { origin: at, value: this.convert(pair.value, at, [...path, key]) });
    }
    for (const [key, entry] of merged) if (!entries.has(key)) entries.set(key, entry);
    return { kind: 'map', entries, origin };
  }

  /** What `<<` brings: a map, or several of which the earlier win. */
  #merged(value: unknown, origin: Origin, path: readonly string[]): readonly (readonly [string, Entry])[] {
    const node = this.convert(value, origin, [...path, '<<']);
    const maps = node.kind === 'list' ? node.items : [node];
    return maps.flatMap((map) => {
      if (map.kind === 'map') return [...map.entries];
      this.#refuse(origin, path, '<< wants a map or a list of maps');
      return [];
    });
  }

  #refuse(origin: Origin, path: readonly string[], message: string): Node {
    if (this.problems.length < 100) this.problems.push({ origin, path: path.join('::'), message });
    return { kind: 'scalar', value: null, origin };
  }

  #originOf(node: unknown): Origin | undefined {
    const range = (node as YamlNode | null)?.range;
    return range === undefined || range === null ? undefined : this.#place(range[0]);
  }
}
