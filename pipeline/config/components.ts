import type { ComponentKind } from '../../sdk/scope.ts';
import { componentId } from '../component-id.ts';
import { checkPart } from './check.ts';
import { idKey, KINDS, parseId, SECTIONS } from './ids.ts';
import { didYouMean } from './nearest.ts';
import { formatOrigin, kindOf } from './problems.ts';
import { isNothing } from './tree.ts';
import type {
  ConfigEntry,
  ConfigMap,
  ConfigNode,
  ConfigPath,
  ConfigProblem,
  Origin,
  ResolvedComponent,
  SpecEntry,
  SpecLookup,
} from './types.ts';

/** A component as the file defines it. */
export interface DefinedComponent<E extends SpecEntry> {
  /** Undefined when its type is not known or its configuration has problems. */
  readonly component: Omit<ResolvedComponent<E>, 'used'> | undefined;
  /** Undefined when its type is not known. */
  readonly entry: E | undefined;
  readonly text: string;
  readonly origin: Origin;
}

/** Every component of the file. */
export class Definitions<E extends SpecEntry> {
  readonly #byKey = new Map<string, DefinedComponent<E>>();

  add(kind: ComponentKind, key: string, defined: DefinedComponent<E>): void {
    this.#byKey.set(`${kind} ${key}`, defined);
  }

  get(kind: ComponentKind, key: string): DefinedComponent<E> | undefined {
    return this.#byKey.get(`${kind} ${key}`);
  }

  /** Ids of a kind, as written. */
  texts(kind: ComponentKind): readonly string[] {
    return [...this.#byKey].flatMap(([key, { text }]) => (key.startsWith(`${kind} `) ? [text] : []));
  }

  all(): Iterable<DefinedComponent<E>> {
    return this.#byKey.values();
  }
}

export interface Findings {
  readonly problems: ConfigProblem[];
  readonly warnings: ConfigProblem[];
}

/** Reads the sections of all kinds, used or not. */
export async function defineComponents<E extends SpecEntry>(
  tree: ConfigMap,
  specs: SpecLookup<E>,
  findings: Findings,
): Promise<Definitions<E>> {
  const definitions = new Definitions<E>();
  for (const kind of KINDS) {
    const section = tree.entries.get(SECTIONS[kind]);
    if (section === undefined || isNothing(section.value)) continue;
    for (const [text, entry] of sectionEntries(SECTIONS[kind], section.value, findings)) {
      const path = [SECTIONS[kind], text];
      const id = parseId(text);
      if (typeof id === 'string') {
        findings.problems.push({ path: [SECTIONS[kind]], message: id, origin: entry.key });
        continue;
      }
      const before = definitions.get(kind, idKey(id));
      if (before !== undefined) {
        const message = `the ${kind} is already defined as ${JSON.stringify(before.text)} at ${formatOrigin(before.origin)}`;
        findings.problems.push({ path, message, origin: entry.key });
        continue;
      }
      definitions.add(kind, idKey(id), await define(kind, text, entry, path, specs, findings));
    }
  }
  return definitions;
}

function sectionEntries(section: string, node: ConfigNode, findings: Findings): Iterable<[string, ConfigEntry]> {
  if (node.kind === 'map') return node.entries;
  findings.problems.push({
    path: [section],
    message: `expected a map of components by id, got ${kindOf(node)}${node.kind === 'scalar' ? '; is a colon missing?' : ''}`,
    origin: node.origin,
  });
  return [];
}

async function define<E extends SpecEntry>(
  kind: ComponentKind,
  text: string,
  { key, value }: ConfigEntry,
  path: ConfigPath,
  specs: SpecLookup<E>,
  findings: Findings,
): Promise<DefinedComponent<E>> {
  const { type, name } = parseId(text) as Exclude<ReturnType<typeof parseId>, string>;
  const entry = await specs.find(kind, type);
  if (entry === undefined) {
    const message = `unknown ${kind} type ${JSON.stringify(type)}${await unknownTypeHint(kind, type, specs)}`;
    findings.problems.push({ path, message, origin: key });
    return { component: undefined, entry, text, origin: key };
  }
  warnOfAlias(entry, type, path, key, findings);
  const checked = checkPart(entry.spec.config, { node: isNothing(value) ? emptyMap(key) : value, path, key });
  findings.warnings.push(...checked.warnings);
  findings.problems.push(...checked.problems);
  if (checked.problems.length > 0) return { component: undefined, entry, text, origin: key };
  const component = { id: componentId(kind, type, name), entry, config: checked.output, origin: key };
  return { component, entry, text, origin: key };
}

/** `exporters: { debug: }` means the same as `debug: {}`. */
function emptyMap(origin: Origin): ConfigMap {
  return { kind: 'map', entries: new Map(), origin };
}

async function unknownTypeHint<E extends SpecEntry>(
  kind: ComponentKind,
  type: string,
  specs: SpecLookup<E>,
): Promise<string> {
  const known = (await specs.all(kind)).map(({ spec }) => spec.type);
  const near = didYouMean(type, known);
  if (near !== '') return near;
  const elsewhere = (
    await Promise.all(KINDS.map(async (other) => ((await specs.find(other, type)) === undefined ? [] : [other])))
  ).flat();
  if (elsewhere.length > 0)
    return `; there is ${elsewhere.map((other) => `${other === 'exporter' || other === 'extension' ? 'an' : 'a'} ${other}`).join(' and ')} of this type`;
  return known.length === 0 ? '' : `; valid types are ${[...known].sort().join(', ')}`;
}

function warnOfAlias({ spec }: SpecEntry, type: string, path: ConfigPath, origin: Origin, findings: Findings): void {
  const written = type.replaceAll('-', '_');
  if (!(spec.deprecatedAliases ?? []).some((alias) => alias.replaceAll('-', '_') === written)) return;
  const message = `${JSON.stringify(type)} alias is deprecated; use ${JSON.stringify(spec.type)} instead`;
  findings.warnings.push({ path, message, origin });
}
