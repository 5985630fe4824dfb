import type { Signal } from '../../pdata/signals.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import type { DefinedComponent, Definitions, Findings } from './components.ts';
import { idKey, parseId, parsePipelineId } from './ids.ts';
import { didYouMean } from './nearest.ts';
import type { ConfigEntry, ConfigMap, ConfigNode, ConfigPath, Origin, SpecEntry } from './types.ts';

/** What a list of a pipeline names. */
export interface Reference<E extends SpecEntry> {
  readonly kind: ComponentKind;
  readonly defined: DefinedComponent<E>;
  readonly path: ConfigPath;
  readonly origin: Origin;
}

export interface CheckedPipeline<E extends SpecEntry> {
  readonly id: string;
  readonly signal: Signal;
  readonly origin: Origin;
  readonly path: ConfigPath;
  readonly receivers: readonly Reference<E>[];
  readonly processors: readonly Reference<E>[];
  readonly exporters: readonly Reference<E>[];
}

/** Reads `service::pipelines`. Values of the wrong type are passed over: the schema of the section tells of them. */
export function checkPipelines<E extends SpecEntry>(
  service: ConfigEntry | undefined,
  root: Origin,
  definitions: Definitions<E>,
  findings: Findings,
): readonly CheckedPipeline<E>[] {
  const section = mapAt(service?.value, 'pipelines');
  if (section.node === undefined && section.malformed) return [];
  if (section.node === undefined || section.node.entries.size === 0) {
    const origin = section.entry?.key ?? service?.key ?? { ...root, line: 0, column: 0 };
    findings.problems.push({
      path: ['service', 'pipelines'],
      message: 'service must have at least one pipeline',
      origin,
    });
    return [];
  }
  const reader = new Reader(definitions, findings);
  return [...section.node.entries].flatMap(([text, entry]) => reader.pipeline(text, entry) ?? []);
}

/** Reads `service::extensions`: each extension once, in order. */
export function checkExtensions<E extends SpecEntry>(
  service: ConfigEntry | undefined,
  definitions: Definitions<E>,
  findings: Findings,
): readonly Reference<E>[] {
  const list = service?.value.kind === 'map' ? service.value.entries.get('extensions')?.value : undefined;
  const references = new Reader(definitions, findings).list(
    list,
    ['extension'],
    ['service', 'extensions'],
    ['service', 'extensions'],
  );
  return [...new Map(references.map((reference) => [reference.defined, reference])).values()];
}

class Reader<E extends SpecEntry> {
  readonly #definitions: Definitions<E>;
  readonly #findings: Findings;

  constructor(definitions: Definitions<E>, findings: Findings) {
    this.#definitions = definitions;
    this.#findings = findings;
  }

  pipeline(text: string, { key: origin, value }: ConfigEntry): CheckedPipeline<E> | undefined {
    const parsed = parsePipelineId(text);
    if (typeof parsed === 'string') {
      this.#findings.problems.push({
        path: ['service', 'pipelines'],
        message: parsed,
        origin,
      });
      return undefined;
    }
    const path = ['service', 'pipelines', text];
    const body = value.kind === 'map' ? value : undefined;
    if (body === undefined && !(value.kind === 'scalar' && value.value === null)) return undefined;
    const listOf = (name: string, kinds: readonly ComponentKind[]): readonly Reference<E>[] => {
      const entry = body?.entries.get(name);
      const isEmpty =
        entry === undefined ||
        (entry.value.kind === 'list' && entry.value.items.length === 0) ||
        (entry.value.kind === 'scalar' && entry.value.value === null);
      if (isEmpty && name !== 'processors') {
        this.#findings.problems.push({
          path,
          message: `must have at least one ${name.slice(0, -1)}`,
          origin: entry?.key ?? origin,
        });
      }
      return this.list(entry?.value, kinds, [...path, name], path);
    };
    const { id, signal } = parsed;
    const receivers = listOf('receivers', ['receiver', 'connector']);
    const processors = listOf('processors', ['processor']);
    const exporters = listOf('exporters', ['exporter', 'connector']);
    this.#refuseRepeated(processors, path);
    this.#refuseSignals(signal, [...receivers, ...processors, ...exporters]);
    return { id, signal, origin, path, receivers, processors, exporters };
  }

  /** References of a list; `owner` is the path under which missing ones are told. */
  list(
    node: ConfigNode | undefined,
    kinds: readonly ComponentKind[],
    path: ConfigPath,
    owner: ConfigPath,
  ): readonly Reference<E>[] {
    if (node?.kind !== 'list') return [];
    return node.items.flatMap((item, i) => {
      const text = item.kind === 'scalar' ? (item.text ?? item.value) : undefined;
      return typeof text === 'string' ? (this.#reference(text, kinds, [...path, i], owner, item.origin) ?? []) : [];
    });
  }

  #reference(
    text: string,
    kinds: readonly ComponentKind[],
    path: ConfigPath,
    owner: ConfigPath,
    origin: Origin,
  ): Reference<E> | undefined {
    const id = parseId(text);
    if (typeof id === 'string') {
      this.#findings.problems.push({ path, message: id, origin });
      return undefined;
    }
    const found = kinds.flatMap((kind) => {
      const defined = this.#definitions.get(kind, idKey(id));
      return defined === undefined ? [] : [{ kind, defined, path, origin }];
    });
    if (found.length > 1) {
      const message = `${JSON.stringify(text)} is both a ${found.map(({ kind }) => kind).join(' and a ')}: give one of them another name`;
      this.#findings.problems.push({ path, message, origin });
    }
    if (found[0] === undefined) {
      const known = kinds.flatMap((kind) => this.#definitions.texts(kind));
      const message = `references ${kinds[0]} ${JSON.stringify(text)} which is not configured${didYouMean(text, known)}`;
      this.#findings.problems.push({ path: owner, message, origin });
    }
    return found[0];
  }

  #refuseRepeated(processors: readonly Reference<E>[], path: ConfigPath): void {
    const seen = new Set<DefinedComponent<E>>();
    for (const { defined, origin } of processors) {
      if (seen.has(defined)) {
        this.#findings.problems.push({
          path,
          message: `references processor ${JSON.stringify(defined.text)} multiple times`,
          origin,
        });
      }
      seen.add(defined);
    }
  }

  #refuseSignals(signal: Signal, references: readonly Reference<E>[]): void {
    for (const { kind, defined, path, origin } of references) {
      const spec = defined.entry?.spec;
      if (spec === undefined || kind === 'connector') continue;
      const supported = kind === 'receiver' ? spec.produces : spec.consumes;
      if (supported === undefined || supported.includes(signal)) continue;
      const verb = kind === 'receiver' ? 'produces' : 'takes';
      const message = `the ${kind} ${JSON.stringify(defined.text)} does not support ${signal}: it ${verb} ${supported.join(' and ') || 'nothing'}`;
      this.#findings.problems.push({ path, message, origin });
    }
  }
}

function mapAt(
  node: ConfigNode | undefined,
  key: string,
): { readonly node?: ConfigMap; readonly entry?: ConfigEntry; readonly malformed: boolean } {
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return { malformed: false };
  if (node.kind !== 'map') return { malformed: true };
  const entry = node.entries.get(key);
  if (entry === undefined) return { malformed: false };
  if (entry.value.kind === 'map') return { node: entry.value, entry, malformed: false };
  return { entry, malformed: !(entry.value.kind === 'scalar' && entry.value.value === null) };
}
