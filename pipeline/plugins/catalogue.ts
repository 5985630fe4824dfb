import type { ComponentSpec } from '../../sdk/component.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import { BUILT_IN, PipelineErrors, pluginErrors } from '../errors.ts';
import { loadPlugin, type PluginReference } from './load.ts';
import { shareSdk } from './resolve.ts';

/** Built-in components: kind → type → how to import it. */
export type Manifest = Readonly<
  Record<ComponentKind, Readonly<Record<string, () => Promise<{ readonly default: ComponentSpec }>>>>
>;

export interface CatalogueEntry {
  readonly spec: ComponentSpec;
  /** The plugin it comes from; {@link BUILT_IN} for the agent's own. */
  readonly plugin: string;
}

/** Every component this agent can make. Built-ins are imported when they are first asked for. */
export class Catalogue {
  readonly #manifest: Manifest;
  readonly #builtIns = new Map<string, Promise<CatalogueEntry>>();
  readonly #added = new Map<string, CatalogueEntry>();

  constructor(manifest: Manifest) {
    this.#manifest = manifest;
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
    const own = this.#added.get(key(kind, wanted)) ?? (await this.#builtIn(kind, wanted));
    if (own !== undefined) return own;
    return (await this.#allBuiltIns(kind)).find((entry) => namesOf(entry.spec).includes(wanted));
  }

  /** All of a kind, sorted by type. Imports every built-in of the kind. */
  async all(kind: ComponentKind): Promise<readonly CatalogueEntry[]> {
    const added = [...new Set(this.#added.values())].filter(({ spec }) => spec.kind === kind);
    return [...(await this.#allBuiltIns(kind)), ...added].sort((a, b) => (a.spec.type < b.spec.type ? -1 : 1));
  }

  #builtIn(kind: ComponentKind, type: string): Promise<CatalogueEntry> | undefined {
    const importIt = Object.hasOwn(this.#manifest[kind], type) ? this.#manifest[kind][type] : undefined;
    if (importIt === undefined) return undefined;
    const known = this.#builtIns.get(key(kind, type));
    if (known !== undefined) return known;
    const entry = importIt().then((module) => ({ spec: module.default, plugin: BUILT_IN }));
    this.#builtIns.set(key(kind, type), entry);
    return entry;
  }

  async #allBuiltIns(kind: ComponentKind): Promise<CatalogueEntry[]> {
    return Promise.all(Object.keys(this.#manifest[kind]).map((type) => this.#builtIn(kind, type)!));
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
