import { isDeepStrictEqual } from 'node:util';
import type { Meter } from '@opentelemetry/api';
import { asError } from '../sdk/errors.ts';
import type { Clock, Logger } from '../sdk/scope.ts';
import type { AgentOptions } from './agent.ts';
import type { Difference } from './graph/difference.ts';
import type { Logs } from './telemetry/logs.ts';

/** A configuration that was read again. */
export interface ReadAgain {
  readonly options: Omit<AgentOptions, 'clock'>;
  /** One line each. */
  readonly warnings: readonly string[];
}

type Read = () => Promise<ReadAgain>;

export interface ReloadParts {
  readonly log: Logger;
  readonly logs: Pick<Logs, 'setLevel'>;
  readonly clock: Clock;
  readonly meter: Meter;
  /** What the agent was made with. */
  readonly options: AgentOptions;
  /** Goes over to what was read. Rejects when it cannot, and nothing has changed then. */
  apply(options: ReadAgain['options']): Promise<Difference>;
}

/** Reads the configuration again when asked to. A bad one changes nothing; each outcome is logged and counted. */
export class Reloads {
  readonly #parts: ReloadParts;
  readonly #count: (result: 'success' | 'failure') => void;
  #running: Promise<void> | undefined;
  #next: Read | undefined;
  #wasSuccessful = true;
  #lastSuccess: bigint;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#lastSuccess = parts.clock.now();
    const counter = parts.meter.createCounter('bpflow_config_reloads', {
      description: 'Reloads of the configuration, by result.',
    });
    for (const result of ['success', 'failure']) counter.add(0, { result });
    this.#count = (result) => counter.add(1, { result });
    parts.meter
      .createObservableGauge('bpflow_config_last_reload_successful', {
        description: 'Whether the configuration that was read last is in force; 1 before the first reload.',
      })
      .addCallback((result) => result.observe(this.#wasSuccessful ? 1 : 0));
    parts.meter
      .createObservableGauge('bpflow_config_last_reload_success_timestamp_seconds', {
        description: 'When the configuration in force was read, as Unix time.',
        unit: 's',
      })
      .addCallback((result) => result.observe(Number(this.#lastSuccess) / 1e9));
  }

  /** Resolves when a configuration that was read after the call is in force, or was found bad. Asked while one is under way, it reads once more after it. */
  async request(read: Read): Promise<void> {
    if (this.#running !== undefined) {
      this.#next = read;
      return this.#running;
    }
    this.#running = this.#runAll(read);
    await this.#running;
  }

  async #runAll(first: Read): Promise<void> {
    for (let read: Read | undefined = first; read !== undefined; read = this.#next) {
      this.#next = undefined;
      await this.#run(read);
    }
    this.#running = undefined;
  }

  async #run(read: Read): Promise<void> {
    const { log, clock } = this.#parts;
    try {
      const { options, warnings } = await read();
      for (const warning of warnings) log.warn(warning);
      const { kept, ...difference } = await this.#parts.apply(options);
      const waiting = needsRestart(this.#parts.options, options);
      if (waiting.length > 0) log.warn('Some changes take effect only after a restart.', { changed: waiting });
      this.#wasSuccessful = true;
      this.#lastSuccess = clock.now();
      this.#count('success');
      log.info('The configuration was reloaded.', { ...difference, kept: kept.length });
      this.#parts.logs.setLevel(options.logs.level);
    } catch (thrown) {
      this.#wasSuccessful = false;
      this.#count('failure');
      log.error('The configuration was not reloaded; the one before stays in force.', { problems: problemsOf(thrown) });
    }
  }
}

/** Names of settings that differ and are only read at the start. */
function needsRestart(old: AgentOptions, now: ReadAgain['options']): readonly string[] {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['service.telemetry.logs.encoding', old.logs.encoding, now.logs.encoding],
    ['service.telemetry.logs.output_paths', old.logs.outputs, now.logs.outputs],
    ['service.telemetry.logs.initial_fields', old.logs.initialFields, now.logs.initialFields],
    ['service.telemetry.metrics', old.metrics, now.metrics],
    ['service.telemetry.resource', old.resource ?? {}, now.resource ?? {}],
    ['service.admin.endpoint', old.adminEndpoint, now.adminEndpoint],
    ['service.keep_capabilities', old.keepCapabilities, now.keepCapabilities],
  ];
  return pairs.flatMap(([name, before, after]) => (isDeepStrictEqual(before, after) ? [] : [name]));
}

/** One line for each thing that is wrong. */
function problemsOf(thrown: unknown): readonly string[] {
  const error = asError(thrown);
  return error.message.split('\n').filter((line) => line.trim() !== '');
}
