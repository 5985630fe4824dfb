import type { AgentOptions } from '../agent.ts';
import { loadConfig } from '../config/load.ts';
import { pluginsOf } from '../config/plugins.ts';
import { formatProblem } from '../config/problems.ts';
import type { ServiceConfig } from '../config/service.ts';
import type { LoadedConfig, ResolvedConfig } from '../config/types.ts';
import { validateConfig } from '../config/validate.ts';
import type { GraphPlan } from '../graph/plan.ts';
import { builtIns } from '../manifest.ts';
import { Catalogue, type CatalogueEntry } from '../plugins/catalogue.ts';
import type { ReaderOptions } from '../telemetry/metrics.ts';
import type { Arguments } from './arguments.ts';

export interface Configuration {
  readonly loaded: LoadedConfig;
  readonly resolved: ResolvedConfig<CatalogueEntry>;
  readonly plan: GraphPlan;
  readonly service: ServiceConfig;
  /** One line each. */
  readonly warnings: readonly string[];
}

/** Reads the configuration that the command line names, loads its plugins and checks it. Throws a ConfigError or PipelineErrors. */
export async function readConfiguration(flags: Pick<Arguments, 'config' | 'set'>): Promise<Configuration> {
  const { loaded, catalogue } = await loadWithPlugins(flags);
  const { config: resolved, warnings } = await validateConfig(loaded, catalogue);
  return {
    loaded,
    resolved,
    plan: { extensions: resolved.extensions, pipelines: resolved.pipelines },
    service: resolved.service,
    warnings: warnings.map(formatProblem),
  };
}

/** Reads the configuration and loads its plugins, but checks nothing else. */
export async function loadWithPlugins({
  config,
  set,
}: Pick<Arguments, 'config' | 'set'>): Promise<{ readonly loaded: LoadedConfig; readonly catalogue: Catalogue }> {
  const loaded = loadConfig({ uris: config, sets: set, env: process.env, cwd: process.cwd() });
  const catalogue = new Catalogue(builtIns);
  await catalogue.addPlugins(pluginsOf(loaded.tree));
  return { loaded, catalogue };
}

/** What `service` says about the agent around the pipelines. */
export function agentOptions(service: ServiceConfig): Omit<AgentOptions, 'plan'> {
  const { telemetry, admin } = service;
  const { level, encoding, output_paths: outputs, initial_fields: initialFields = {} } = telemetry.logs;
  return {
    logs: { level, encoding, outputs, initialFields },
    metrics: { level: telemetry.metrics.level, readers: telemetry.metrics.readers.map(readerOptions) },
    resource: telemetry.resource,
    adminEndpoint: admin.endpoint === 'none' ? undefined : admin.endpoint,
    shutdownTimeoutMs: service.shutdown_timeout,
    keepCapabilities: service.keep_capabilities,
  };
}

function readerOptions(reader: ServiceConfig['telemetry']['metrics']['readers'][number]): ReaderOptions {
  if ('pull' in reader) {
    const { host, port } = reader.pull.exporter.prometheus;
    return { kind: 'pull', host, port };
  }
  const { interval, timeout, exporter } = reader.periodic;
  return {
    kind: 'periodic',
    url: metricsUrl(exporter.otlp.endpoint),
    headers: exporter.otlp.headers,
    intervalMs: interval,
    timeoutMs: timeout,
    temporality: exporter.otlp.temporality_preference,
  };
}

/** The Collector takes the base URL or the one of the signal. */
function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/' || url.pathname === '') url.pathname = '/v1/metrics';
  return url.href;
}
