import type { ComponentId } from '../sdk/scope.ts';

/** A failure of the core with a stable code. The message says what, where, and what to do. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: PipelineErrorCode;

  constructor(code: PipelineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type PipelineErrorCode =
  | 'usage'
  | 'plugin_not_found'
  | 'plugin_broken'
  | 'plugin_version'
  | 'plugin_duplicate'
  | 'build'
  | 'start'
  | 'reload'
  | 'admin'
  | 'service_missing'
  | 'service_ambiguous'
  | 'service_duplicate'
  | 'telemetry';

/** Several failures that were found together. The message has one line each, none twice. */
export class PipelineErrors extends AggregateError {
  override readonly name = 'PipelineErrors';

  constructor(errors: readonly Error[]) {
    const distinct = [...new Map(errors.map((error) => [error.message, error])).values()];
    super(distinct, distinct.map((error) => error.message).join('\n'));
  }
}

/** `receiver "otlp/2"`. */
export function label(id: ComponentId): string {
  return `${id.kind} "${id}"`;
}

export const pluginErrors = {
  missing: (plugin: string, folder: string, cause: unknown): PipelineError =>
    new PipelineError(
      'plugin_not_found',
      `plugin "${plugin}" was not found from ${folder}: install the package there, or correct the path.`,
      { cause },
    ),
  noEntry: (plugin: string, reason: string, cause: unknown): PipelineError =>
    new PipelineError(
      'plugin_not_found',
      `plugin "${plugin}" has no entry that can be imported: ${reason}. Its package.json needs "exports" with an "import" or "default" condition, or "main".`,
      { cause },
    ),
  throws: (plugin: string, reason: string, cause: unknown): PipelineError =>
    new PipelineError('plugin_broken', `plugin "${plugin}" cannot be imported: ${reason}`, { cause }),
  noDefault: (plugin: string, found: string): PipelineError =>
    new PipelineError(
      'plugin_broken',
      `plugin "${plugin}" default-exports ${found}: it must default-export one component made by defineReceiver, defineProcessor, defineExporter, defineConnector or defineExtension of bpflow/sdk, or an array of them.`,
    ),
  version: (plugin: string, theirs: string, ours: string): PipelineError =>
    new PipelineError(
      'plugin_version',
      `plugin "${plugin}" was made with bpflow/sdk ${theirs}, this agent has ${ours}: use a plugin for ${ours}, and let it import bpflow/sdk instead of bundling it.`,
    ),
  range: (plugin: string, range: string, ours: string): PipelineError =>
    new PipelineError(
      'plugin_version',
      `plugin "${plugin}" needs bpflow ${range} (its peerDependencies), this agent is ${ours}: use a plugin for ${ours}.`,
    ),
  duplicate: (kind: string, type: string, first: string, second: string): PipelineError =>
    new PipelineError(
      'plugin_duplicate',
      `${kind} type "${type}" is provided by both "${first}" and "${second}": remove one of them from plugins.`,
    ),
};

export const buildErrors = {
  unknownType: (id: ComponentId): PipelineError =>
    new PipelineError('build', `failed to build pipelines: ${label(id)}: nothing provides the type "${id.type}".`),
  signal: (id: ComponentId, signal: string): PipelineError =>
    new PipelineError(
      'build',
      `failed to build pipelines: failed to create ${quoted(id)} for data type "${signal}": telemetry type is not supported`,
    ),
  processorSignal: (id: ComponentId, pipeline: string): PipelineError =>
    new PipelineError(
      'build',
      `failed to build pipelines: failed to create ${quoted(id)}, in pipeline "${pipeline}": telemetry type is not supported`,
    ),
  connectorUnused: (id: ComponentId, role: 'exporter' | 'receiver', pipelines: readonly string[]): PipelineError =>
    new PipelineError(
      'build',
      `failed to build pipelines: connector "${id}" used as ${role} in [${pipelines.join(', ')}] pipeline but not used in any supported ${role === 'exporter' ? 'receiver' : 'exporter'} pipeline`,
    ),
  cycle: (path: readonly string[]): PipelineError =>
    new PipelineError('build', `failed to build pipelines: cycle detected: ${path.join(' -> ')}`),
  create: (id: ComponentId, plugin: string, error: Error): PipelineError =>
    new PipelineError(
      'build',
      `failed to build pipelines: failed to create ${quoted(id)}${fromPlugin(plugin)}: ${error.message}`,
      { cause: error },
    ),
};

export const startErrors = {
  extension: (id: ComponentId, plugin: string, error: Error): PipelineError =>
    new PipelineError(
      'start',
      `failed to start extensions: failed to start ${quoted(id)}${fromPlugin(plugin)}: ${error.message}`,
      {
        cause: error,
      },
    ),
  component: (id: ComponentId, plugin: string, error: Error): PipelineError =>
    new PipelineError(
      'start',
      `cannot start pipelines: failed to start ${quoted(id)}${fromPlugin(plugin)}: ${error.message}`,
      {
        cause: error,
      },
    ),
};

export const reloadErrors = {
  ending: (): PipelineError =>
    new PipelineError('reload', 'The configuration is not read again: the agent is being stopped.'),
};

export const capabilityErrors = {
  dropped: (id: ComponentId, missing: readonly string[]): PipelineError =>
    new PipelineError(
      'reload',
      `${label(id)} needs ${missing.join(', ')}, which the agent dropped after its start: restart needed.`,
    ),
  mayBeDropped: (): PipelineError =>
    new PipelineError(
      'reload',
      'The agent dropped its capabilities after the start; if one of them is what is missing: restart needed, or name it in service.keep_capabilities.',
    ),
};

export const adminErrors = {
  noAnswer: (path: string, error: Error): PipelineError =>
    new PipelineError(
      'admin',
      `no agent answers at ${path} (${error.message}): start one, or name its service.admin.endpoint with --admin; only its own user and root may ask.`,
      { cause: error },
    ),
  refused: (path: string, reason: string): PipelineError =>
    new PipelineError('admin', `the agent did not answer ${path}: ${reason}`),
  noMap: (): PipelineError =>
    new PipelineError(
      'admin',
      'no component of this agent sees which services talk to which: add a receiver that does (bpflow components lists them).',
    ),
};

export const serviceErrors = {
  missing: (id: ComponentId, service: string): PipelineError =>
    new PipelineError(
      'service_missing',
      `${label(id)} needs the service "${service}", which nothing provides: name an extension that does in service.extensions.`,
    ),
  notProvided: (id: ComponentId, service: string, extension: string): PipelineError =>
    new PipelineError(
      'service_missing',
      `${label(id)} needs the service "${service}" of the extension "${extension}", which does not provide it: name one that does, in service.extensions too.`,
    ),
  ambiguous: (id: ComponentId, service: string, providers: readonly string[]): PipelineError =>
    new PipelineError(
      'service_ambiguous',
      `${label(id)} needs the service "${service}", which several components provide: name one of ${providers.join(', ')}.`,
    ),
  duplicate: (id: ComponentId, service: string): PipelineError =>
    new PipelineError(
      'service_duplicate',
      `${label(id)} provides the service "${service}", which the agent or this component provides already.`,
    ),
};

/** `"otlp/2" receiver`, as the Collector says it. */
function quoted(id: ComponentId): string {
  return `"${id}" ${id.kind}`;
}

/** The name under which the components that come with the agent are provided. */
export const BUILT_IN = 'bpflow';

/** ` (plugin "x")`; empty for built-ins. */
export function fromPlugin(plugin: string): string {
  return plugin === BUILT_IN ? '' : ` (plugin "${plugin}")`;
}
