import { checkPart, unknownKeyHint } from './check.ts';
import { type DefinedComponent, type Definitions, defineComponents, type Findings } from './components.ts';
import { checkConnectors } from './connectors.ts';
import { KINDS, SECTIONS } from './ids.ts';
import { type CheckedPipeline, checkExtensions, checkPipelines, type Reference } from './pipelines.ts';
import { ConfigError, sortProblems } from './problems.ts';
import { type ServiceConfig, serviceSchema } from './service.ts';
import { keysOf } from './shape.ts';
import { isNothing, nodeAt } from './tree.ts';
import type {
  ConfigMap,
  ConfigNode,
  ConfigPath,
  ConfigProblem,
  LoadedConfig,
  ResolvedComponent,
  ResolvedConfig,
  SpecEntry,
  SpecLookup,
  ValidatedConfig,
} from './types.ts';

/** The keys of the root. */
export const ROOT_KEYS: readonly string[] = [...KINDS.map((kind) => SECTIONS[kind]), 'service', 'plugins'];

/**
 * Checks a loaded configuration against the components there are; builds and starts nothing. Throws a ConfigError with
 * every problem, those of loading included, in the order of the text.
 */
export async function validateConfig<E extends SpecEntry>(
  loaded: LoadedConfig,
  specs: SpecLookup<E>,
): Promise<ValidatedConfig<E>> {
  const { tree } = loaded;
  const findings: Findings = { problems: [], warnings: [...loaded.warnings] };
  findings.problems.push(...unknownRootKeys(tree));
  const definitions = await defineComponents(tree, specs, findings);
  const service = checkService(tree, findings);
  const entry = tree.entries.get('service');
  const extensions = checkExtensions(entry, definitions, findings);
  const pipelines = checkPipelines(entry, tree.origin, definitions, findings);
  findings.problems.push(...checkConnectors(pipelines));
  const problems = [...loaded.problems, ...withoutConsequences(findings.problems, loaded.problems)];
  if (problems.length > 0 || service === undefined) throw new ConfigError(problems);
  return { config: resolve(definitions, extensions, pipelines, service), warnings: sortProblems(findings.warnings) };
}

function unknownRootKeys(tree: ConfigMap): readonly ConfigProblem[] {
  return [...tree.entries].flatMap(([key, entry]) =>
    ROOT_KEYS.includes(key) ? [] : [{ path: [key], message: `unknown key${rootKeyHint(key)}`, origin: entry.key }],
  );
}

function rootKeyHint(key: string): string {
  return keysOf(serviceSchema).includes(key) ? '; it belongs below service' : unknownKeyHint(key, ROOT_KEYS);
}

function checkService(tree: ConfigMap, findings: Findings): ServiceConfig | undefined {
  const entry = tree.entries.get('service');
  const nothing: ConfigMap = { kind: 'map', entries: new Map(), origin: tree.origin };
  const node = entry === undefined || isNothing(entry.value) ? nothing : entry.value;
  const checked = checkPart(serviceSchema, { node, path: ['service'], key: entry?.key ?? tree.origin });
  findings.problems.push(...checked.problems);
  findings.warnings.push(...checked.warnings, ...oldAddress(node));
  return checked.problems.length === 0 ? (checked.output as ServiceConfig) : undefined;
}

function oldAddress(service: ConfigNode): readonly ConfigProblem[] {
  const path = ['telemetry', 'metrics', 'address'];
  const address = nodeAt(service, path);
  if (address === undefined || isNothing(address)) return [];
  const message = 'address is deprecated; use readers with a pull exporter instead';
  return [{ path: ['service', ...path], message, origin: address.origin }];
}

/** A value that could not be read is told once; what is wrong with the gap it left is not told. */
function withoutConsequences(
  problems: readonly ConfigProblem[],
  causes: readonly ConfigProblem[],
): readonly ConfigProblem[] {
  return problems.filter(({ path }) => !causes.some((cause) => cause.path.length > 0 && isBelow(path, cause.path)));
}

function isBelow(path: ConfigPath, ancestor: ConfigPath): boolean {
  return ancestor.every((step, i) => path[i] === step);
}

function resolve<E extends SpecEntry>(
  definitions: Definitions<E>,
  extensions: readonly Reference<E>[],
  pipelines: readonly CheckedPipeline<E>[],
  service: ServiceConfig,
): ResolvedConfig<E> {
  const lists = pipelines.flatMap(({ receivers, processors, exporters }) => [receivers, processors, exporters]);
  const used = new Set([extensions, ...lists].flat().map(({ defined }) => defined));
  const resolved = new Map<DefinedComponent<E>, ResolvedComponent<E>>();
  for (const defined of definitions.all()) {
    if (defined.component !== undefined) resolved.set(defined, { ...defined.component, used: used.has(defined) });
  }
  const named = (references: readonly Reference<E>[]): readonly ResolvedComponent<E>[] =>
    references.map(({ defined }) => resolved.get(defined)!);
  return {
    components: [...resolved.values()],
    extensions: named(extensions),
    pipelines: pipelines.map(({ id, signal, receivers, processors, exporters }) => ({
      id,
      signal,
      receivers: named(receivers),
      processors: named(processors),
      exporters: named(exporters),
    })),
    service,
  };
}
