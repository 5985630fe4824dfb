import type { ComponentSpec } from '../../sdk/component.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import { BUILT_IN, PipelineErrors, pluginErrors } from '../errors.ts';
import { loadPlugin, type PluginReference } from './load.ts';
import { shareSdk } from './resolve.ts';

/** A component that comes with the agent, and how it is imported. */
export interface BuiltIn {
  readonly kind: ComponentKind;
  readonly type: string;
  /** The other names its spec gives it, so that it can be found without importing all of its kind. */
  readonly aliases?: readonly string[];
  load(): Promise<{ readonly default: unknown }>;
}

export interface CatalogueEntry {
  readonly spec: ComponentSpec;
  /** The plugin it comes from; {@link BUILT_IN} for the agent's own. */
  readonly plugin: string;
}

/** Every component this agent can make. Built-ins are imported when they are first asked for. */
export class Catalogue {
  readonly #builtIns: readonly BuiltIn[];
  readonly #imported = new Map<BuiltIn, Promise<CatalogueEntry>>();
  readonly #added = new Map<string, CatalogueEntry>();

  constructor(builtIns: readonly BuiltIn[]) {
    this.#builtIns = builtIns;
    shareSdk();
  }

  /** Loads plugins and adds their components. Throws PipelineErrors with every failure; nothing is added then. */
  async addPlugins(references: readonly PluginReference[]): Promise<void> {
    const loaded = await Promise.allSettled(references.map((reference) => loadPlugin(reference)));
    const errors: Error[] = loaded.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const added = new Map<string, CatalogueEntry>();
    for (const [i, result] of loaded.entries()) {
      if (result.status === 'rejected') continue;
      for (const spec of result.value) {
        const entry = { spec, plugin: references[i]!.plugin };
        errors.push(...(await this.#conflicts(entry, added)));
        for (const type of namesOf(spec)) added.set(key(spec.kind, type), entry);
      }
    }
    if (errors.length > 0) throw new PipelineErrors(errors);
    for (const [name, entry] of added) this.#added.set(name, entry);
  }

  /** The component of this type or alias; hyphens count as underscores. */
  async find(kind: ComponentKind, type: string): Promise<CatalogueEntry | undefined> {
    const wanted = canonical(type);
    return this.#added.get(key(kind, wanted)) ?? this.#builtIn(kind, wanted);
  }

  /** All of a kind, sorted by type. Imports every built-in of the kind. */
  async all(kind: ComponentKind): Promise<readonly CatalogueEntry[]> {
    const added = [...new Set(this.#added.values())].filter(({ spec }) => spec.kind === kind);
    return [...(await this.#allBuiltIns(kind)), ...added].sort((a, b) => (a.spec.type < b.spec.type ? -1 : 1));
  }

  #builtIn(kind: ComponentKind, type: string): Promise<CatalogueEntry> | undefined {
    const builtIn = this.#builtIns.find(
      (candidate) => candidate.kind === kind && [candidate.type, ...(candidate.aliases ?? [])].includes(type),
    );
    return builtIn && this.#import(builtIn);
  }

  #allBuiltIns(kind: ComponentKind): Promise<CatalogueEntry[]> {
    return Promise.all(
      this.#builtIns.filter((builtIn) => builtIn.kind === kind).map((builtIn) => this.#import(builtIn)),
    );
  }

  #import(builtIn: BuiltIn): Promise<CatalogueEntry> {
    const entry =
      this.#imported.get(builtIn) ??
      builtIn.load().then((module) => ({ spec: module.default as ComponentSpec, plugin: BUILT_IN }));
    this.#imported.set(builtIn, entry);
    return entry;
  }

  async #conflicts({ spec, plugin }: CatalogueEntry, added: ReadonlyMap<string, CatalogueEntry>): Promise<Error[]> {
    const errors: Error[] = [];
    for (const type of namesOf(spec)) {
      const other = added.get(key(spec.kind, type)) ?? (await this.find(spec.kind, type));
      if (other !== undefined) errors.push(pluginErrors.duplicate(spec.kind, type, other.plugin, plugin));
    }
    return errors;
  }
}

/** Type names are snake case; YAML may write hyphens. */
export function canonical(type: string): string {
  return type.replaceAll('-', '_');
}

function namesOf(spec: ComponentSpec): readonly string[] {
  return [spec.type, ...(spec.aliases ?? []), ...(spec.deprecatedAliases ?? [])].map(canonical);
}

function key(kind: ComponentKind, type: string): string {
  return `${kind}/${type}`;
}
