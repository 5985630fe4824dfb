import type { z } from 'zod';
import type { Signal } from '../../pdata/signals.ts';
import type { ComponentId, ComponentKind } from '../../sdk/scope.ts';
import type { ServiceConfig } from './service.ts';

/** A file, URI or flag from which configuration was read. */
export interface Source {
  /** As the user wrote it, for messages: `conf/agent.yaml`, `env:CFG`, `--set processors.batch.timeout`. */
  readonly label: string;
  /** Absolute path of the folder from which paths in it are resolved: the file's, else the working directory. */
  readonly folder: string;
  /** Sources are numbered in the order in which they were given; problems are sorted by it. */
  readonly order: number;
}

/** Where a key or value was written. */
export interface Origin {
  readonly source: Source;
  /** From 1; 0 where the source is one line that was not read from a file. */
  readonly line: number;
  /** From 1, in UTF-16 units; 0 as above. */
  readonly column: number;
  /** The reference that stood there and was replaced by this value: `${env:PORT}`. */
  readonly via?: string;
}

interface Written {
  readonly origin: Origin;
  /** The text that was read as this value where a `${…}` stood alone: a field that wants text gets it instead. */
  readonly text?: string;
}

export interface ConfigScalar extends Written {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
}

export interface ConfigList extends Written {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
}

export interface ConfigMap extends Written {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, ConfigEntry>;
}

export interface ConfigEntry {
  /** Where the key stands. */
  readonly key: Origin;
  readonly value: ConfigNode;
}

/** A configuration as it was written, with the place of each key and value. */
export type ConfigNode = ConfigScalar | ConfigList | ConfigMap;

/** Keys of maps and indexes of lists from the root. */
export type ConfigPath = readonly (string | number)[];

/** Something that is wrong with a configuration, or worth a warning. */
export interface ConfigProblem {
  readonly path: ConfigPath;
  /** What is wrong and what to do, without the place: `unknown key; did you mean "timeout"?`. */
  readonly message: string;
  /** Undefined where it is about no place in any source. */
  readonly origin?: Origin | undefined;
}

export interface LoadOptions {
  /** Values of `--config` in order: a path, or a `file:`, `env:` or `yaml:` URI. */
  readonly uris: readonly string[];
  /** Values of `--set` in order: `processors.batch.timeout=3s`. */
  readonly sets?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path from which relative paths are resolved. */
  readonly cwd: string;
}

/** A configuration that was read, merged and expanded, but not checked. */
export interface LoadedConfig {
  readonly tree: ConfigMap;
  /** What is wrong already: duplicate keys, references that cannot be replaced. Reported together with what checking finds. */
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  /** Absolute paths of every file that was read. */
  readonly files: readonly string[];
}

/** A plugin that the configuration names; see `pipeline/plugins/load.ts`. */
export interface PluginReference {
  readonly plugin: string;
  readonly folder: string;
}

/** What a component's configuration is checked against; every spec of the SDK is one. */
export interface ConfigSpec {
  readonly kind: ComponentKind;
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly deprecatedAliases?: readonly string[];
  readonly config: z.ZodType;
  /** Receivers only. */
  readonly produces?: readonly Signal[];
  /** Processors and exporters only. */
  readonly consumes?: readonly Signal[];
  /** Connectors only. */
  readonly connects?: readonly { readonly from: Signal; readonly to: Signal }[];
}

export interface SpecEntry {
  readonly spec: ConfigSpec;
}

/** Where specs are found; the plugin catalogue is one. */
export interface SpecLookup<E extends SpecEntry = SpecEntry> {
  /** By type or alias; hyphens count as underscores. */
  find(kind: ComponentKind, type: string): Promise<E | undefined>;
  all(kind: ComponentKind): Promise<readonly E[]>;
}

export interface ResolvedComponent<E extends SpecEntry = SpecEntry> {
  /** As written: an alias or hyphenated type is kept in it. */
  readonly id: ComponentId;
  readonly entry: E;
  /** The output of the spec's schema. */
  readonly config: unknown;
  /** Whether a pipeline or `service.extensions` names it. */
  readonly used: boolean;
  /** Where its key stands. */
  readonly origin: Origin;
}

export interface ResolvedPipeline<E extends SpecEntry = SpecEntry> {
  /** `metrics` or `metrics/2`. */
  readonly id: string;
  readonly signal: Signal;
  /** Receivers, and connectors that feed this pipeline. */
  readonly receivers: readonly ResolvedComponent<E>[];
  readonly processors: readonly ResolvedComponent<E>[];
  /** Exporters, and connectors that this pipeline feeds. */
  readonly exporters: readonly ResolvedComponent<E>[];
}

/** A configuration without errors. Its extensions and pipelines are what a graph is planned from. */
export interface ResolvedConfig<E extends SpecEntry = SpecEntry> {
  /** Every component, used or not, in the order of the file. */
  readonly components: readonly ResolvedComponent<E>[];
  /** Those that `service.extensions` names, in its order, each once. */
  readonly extensions: readonly ResolvedComponent<E>[];
  readonly pipelines: readonly ResolvedPipeline<E>[];
  readonly service: ServiceConfig;
}

export interface ValidatedConfig<E extends SpecEntry = SpecEntry> {
  readonly config: ResolvedConfig<E>;
  readonly warnings: readonly ConfigProblem[];
}
