import type { z } from 'zod';
import type { Signal } from '../../pdata/signals.ts';
import type { ComponentSpec } from '../../sdk/component.ts';
import type { ComponentId, ComponentKind } from '../../sdk/scope.ts';
import { componentId } from '../component-id.ts';
import { type ParsedId, parseId, parsePipelineId } from './ids.ts';
import { check } from './issues.ts';
import type { LoadedConfig } from './load.ts';
import { type Entry, type MapNode, type Node, type Origin, toPlain } from './node.ts';
import { ConfigError, didYouMean, type Problem } from './problems.ts';
import { type ServiceConfig, serviceSchema } from './service.ts';
import { checkTopology } from './topology.ts';

/** Finds components by kind and type, aliases included. */
export interface Components<E extends { readonly spec: ComponentSpec }> {
  find(kind: ComponentKind, type: string): Promise<E | undefined>;
  all(kind: ComponentKind): Promise<readonly E[]>;
}

export interface ConfiguredComponent<E> {
  readonly id: ComponentId;
  readonly entry: E;
  /** Validated, defaults filled in. */
  readonly config: unknown;
  /** As written, without defaults. */
  readonly written: unknown;
  readonly origin: Origin;
}

export interface ConfiguredPipeline<E> {
  /** `metrics` or `metrics/2`. */
  readonly id: string;
  readonly signal: Signal;
  readonly receivers: readonly ConfiguredComponent<E>[];
  readonly processors: readonly ConfiguredComponent<E>[];
  readonly exporters: readonly ConfiguredComponent<E>[];
}

export interface ResolvedConfig<E> {
  /** Every component that is defined, by kind; those that no pipeline uses too. */
  readonly components: Readonly<Record<ComponentKind, readonly ConfiguredComponent<E>[]>>;
  readonly pipelines: readonly ConfiguredPipeline<E>[];
  /** In the order of `service::extensions`. */
  readonly extensions: readonly ConfiguredComponent<E>[];
  readonly service: ServiceConfig;
  readonly warnings: readonly Problem[];
}

const SECTIONS: Readonly<Record<ComponentKind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
};

const KINDS = Object.keys(SECTIONS) as ComponentKind[];

/** Checks everything and finds every component. Throws ConfigError with all that is wrong. */
export async function validateConfig<E extends { readonly spec: ComponentSpec }>(
  loaded: LoadedConfig,
  components: Components<E>,
): Promise<ResolvedConfig<E>> {
  const validation = new Validation(loaded.root, components);
  const config = await validation.run();
  if (validation.problems.length > 0) throw new ConfigError(validation.problems);
  return { ...config, warnings: [...loaded.warnings, ...validation.warnings] };
}

type Defined<E> = Map<string, ConfiguredComponent<E>>;

class Validation<E extends { readonly spec: ComponentSpec }> {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #root: MapNode;
  readonly #components: Components<E>;
  readonly #defined: Record<ComponentKind, Defined<E>> = {
    receiver: new Map(),
    processor: new Map(),
    exporter: new Map(),
    connector: new Map(),
    extension: new Map(),
  };
  /** Ids that are written but not usable, so that references to them are no second error. */
  readonly #broken = new Set<string>();

  constructor(root: MapNode, components: Components<E>) {
    this.#root = root;
    this.#components = components;
  }

  async run(): Promise<Omit<ResolvedConfig<E>, 'warnings'>> {
    const known = [...Object.values(SECTIONS), 'service', 'plugins'];
    for (const [key, { origin }] of this.#root.entries) {
      if (!known.includes(key)) this.#refuse(origin, [], `unknown key "${key}"${didYouMean(key, known)}`);
    }
    for (const kind of KINDS) await this.#section(kind);
    const service = this.#map(this.#root.entries.get('service'), ['service']);
    const entries = new Map(service?.entries);
    const extensions = this.#references('extension', entries.get('extensions')?.value, ['service', 'extensions']);
    const pipelines = this.#pipelines(entries.get('pipelines'), service?.origin ?? this.#root.origin);
    entries.delete('extensions');
    entries.delete('pipelines');
    const rest: MapNode = { kind: 'map', entries, origin: service?.origin ?? this.#root.origin };
    const checked = check(serviceSchema, rest, ['service']);
    if (!checked.ok) this.problems.push(...this.#withServiceKeys(checked.problems));
    if (this.problems.length === 0) this.problems.push(...checkTopology(pipelines));
    return {
      components: {
        receiver: [...this.#defined.receiver.values()],
        processor: [...this.#defined.processor.values()],
        exporter: [...this.#defined.exporter.values()],
        connector: [...this.#defined.connector.values()],
        extension: [...this.#defined.extension.values()],
      },
      pipelines,
      extensions: [...new Set(extensions)],
      service: checked.ok ? checked.value : serviceSchema.parse({}),
    };
  }

  async #section(kind: ComponentKind): Promise<void> {
    const section = SECTIONS[kind];
    const map = this.#map(this.#root.entries.get(section), [section]);
    for (const [written, entry] of map?.entries ?? []) {
      const parsed = parseId(written);
      if (typeof parsed === 'string') {
        this.#refuse(entry.origin, [section], parsed);
        continue;
      }
      await this.#component(kind, written, parsed, entry);
    }
  }

  async #component(kind: ComponentKind, written: string, { type, name }: ParsedId, entry: Entry): Promise<void> {
    const section = SECTIONS[kind];
    const found = await this.#components.find(kind, type);
    if (found === undefined) {
      this.#broken.add(key(kind, type, name));
      const types = (await this.#components.all(kind)).map(({ spec }) => spec.type);
      const hint = didYouMean(type, types) || ` (valid values: ${types.join(', ')})`;
      this.#refuse(entry.origin, [section], `unknown type: "${type}" for id: "${written}"${hint}`);
      return;
    }
    const { spec } = found;
    if (spec.deprecatedAliases?.includes(type)) {
      this.warnings.push({
        origin: entry.origin,
        path: section,
        message: `"${type}" alias is deprecated; use "${spec.type}" instead`,
      });
    }
    const id = key(kind, type, name);
    if (this.#defined[kind].has(id)) {
      this.#refuse(entry.origin, [section], `"${written}" is defined twice`);
      return;
    }
    const checked = check(spec.config as z.ZodType, entry.value, [section, written]);
    if (!checked.ok) {
      this.#broken.add(id);
      this.problems.push(...checked.problems);
      return;
    }
    this.#defined[kind].set(id, {
      id: componentId(kind, type, name),
      entry: found,
      config: checked.value,
      written: checked.written,
      origin: entry.origin,
    });
  }

  #pipelines(entry: Entry | undefined, service: Origin): readonly ConfiguredPipeline<E>[] {
    const path = ['service', 'pipelines'];
    const map = this.#map(entry, path);
    if (map === undefined || map.entries.size === 0) {
      if (entry === undefined || map !== undefined) {
        this.#refuse(entry?.origin ?? service, path, 'service must have at least one pipeline');
      }
      return [];
    }
    const pipelines: ConfiguredPipeline<E>[] = [];
    for (const [written, { origin, value }] of map.entries) {
      const parsed = parsePipelineId(written);
      if (typeof parsed === 'string') {
        this.#refuse(origin, path, parsed);
        continue;
      }
      const pipeline = this.#pipeline(written, parsed.signal, origin, value);
      if (pipeline !== undefined) pipelines.push(pipeline);
    }
    return pipelines;
  }

  #pipeline(id: string, signal: Signal, origin: Origin, value: Node): ConfiguredPipeline<E> | undefined {
    const path = ['service', 'pipelines', id];
    const body = this.#map({ origin, value }, path);
    if (body === undefined) return undefined;
    const known = ['receivers', 'processors', 'exporters'];
    for (const [name, entry] of body.entries) {
      if (!known.includes(name)) this.#refuse(entry.origin, path, `unknown key "${name}"${didYouMean(name, known)}`);
    }
    const list = (kind: 'receiver' | 'processor' | 'exporter') => {
      const section = SECTIONS[kind];
      const node = body.entries.get(section)?.value;
      const found = this.#references(kind, node, [...path, section], signal);
      if (kind !== 'processor' && isEmpty(node)) this.#refuse(origin, path, `must have at least one ${kind}`);
      return found;
    };
    const receivers = list('receiver');
    const processors = list('processor');
    const exporters = list('exporter');
    for (const [i, component] of processors.entries()) {
      if (processors.indexOf(component) !== i) {
        this.#refuse(
          body.entries.get('processors')!.origin,
          path,
          `references processor "${component.id}" multiple times`,
        );
      }
    }
    return { id, signal, receivers: [...new Set(receivers)], processors, exporters: [...new Set(exporters)] };
  }

  /** The components a list refers to. In the place of receivers and exporters a connector may stand. */
  #references(
    kind: 'receiver' | 'processor' | 'exporter' | 'extension',
    node: Node | undefined,
    path: readonly string[],
    signal?: Signal,
  ): readonly ConfiguredComponent<E>[] {
    if (node === undefined || (node.kind === 'scalar' && node.value === null)) return [];
    if (node.kind !== 'list') {
      this.#refuse(node.origin, path, `expected a list of ${SECTIONS[kind]}, got ${JSON.stringify(toPlain(node))}`);
      return [];
    }
    return node.items.flatMap((item) => this.#reference(kind, item, path, signal) ?? []);
  }

  #reference(
    kind: 'receiver' | 'processor' | 'exporter' | 'extension',
    node: Node,
    path: readonly string[],
    signal: Signal | undefined,
  ): ConfiguredComponent<E> | undefined {
    const written = String(toPlain(node));
    const parsed = parseId(written);
    if (typeof parsed === 'string') {
      this.#refuse(node.origin, path, parsed);
      return undefined;
    }
    const kinds: readonly ComponentKind[] = kind === 'receiver' || kind === 'exporter' ? [kind, 'connector'] : [kind];
    const ids = kinds.map((each) => key(each, parsed.type, parsed.name));
    const found = kinds.flatMap((each, i) => this.#defined[each].get(ids[i]!) ?? [])[0];
    if (found === undefined) {
      if (ids.some((id) => this.#broken.has(id))) return undefined;
      const names = kinds.flatMap((each) => [...this.#defined[each].values()].map(({ id }) => String(id)));
      this.#refuse(
        node.origin,
        path,
        `references ${kind} "${written}" which is not configured${didYouMean(written, names)}`,
      );
      return undefined;
    }
    if (signal !== undefined && !supports(found.entry.spec, kind, signal)) {
      this.#refuse(node.origin, path, `${found.entry.spec.kind} "${found.id}" does not support ${signal}`);
      return undefined;
    }
    return found;
  }

  #map(entry: Entry | undefined, path: readonly string[]): MapNode | undefined {
    if (entry === undefined) return undefined;
    const { value } = entry;
    if (value.kind === 'map') return value;
    if (value.kind === 'scalar' && value.value === null)
      return { kind: 'map', entries: new Map(), origin: value.origin };
    this.#refuse(
      value.origin,
      path,
      `expected a map, got ${value.kind === 'list' ? 'a list' : JSON.stringify(toPlain(value))}`,
    );
    return undefined;
  }

  /** The two keys of `service` that are checked here are candidates as well. */
  #withServiceKeys(problems: readonly Problem[]): readonly Problem[] {
    return problems.map((problem) => {
      const match = /^unknown key "(.*?)"$/.exec(problem.message);
      if (match === null || problem.path !== 'service') return problem;
      return { ...problem, message: problem.message + didYouMean(match[1]!, ['pipelines', 'extensions']) };
    });
  }

  #refuse(origin: Origin, path: readonly string[], message: string): void {
    this.problems.push({ origin, path: path.join('::'), message });
  }
}

function isEmpty(node: Node | undefined): boolean {
  return (
    node === undefined ||
    (node.kind === 'scalar' && node.value === null) ||
    (node.kind === 'list' && node.items.length === 0)
  );
}

function key(kind: ComponentKind, type: string, name: string): string {
  return `${kind} ${type}/${name}`;
}

function supports(spec: ComponentSpec, place: string, signal: Signal): boolean {
  switch (spec.kind) {
    case 'receiver':
      return spec.produces.includes(signal);
    case 'processor':
    case 'exporter':
      return spec.consumes.includes(signal);
    case 'connector':
      return spec.connects.some(({ from, to }) => (place === 'exporter' ? from : to) === signal);
    case 'extension':
      return false;
    default:
      return spec satisfies never;
  }
}
