import type { Meter } from '@opentelemetry/api';
import { asError } from '../sdk/errors.ts';
import type { Clock, ComponentId, Logger, Scope } from '../sdk/scope.ts';
import type { Views } from './admin/views.ts';
import type { GraphHost } from './graph/build.ts';
import { createConverter } from './graph/own-converter.ts';
import type { HealthBoard, HealthReporter } from './health.ts';
import type { Container } from './plugins/container.ts';
import { createScope } from './plugins/scope.ts';

export interface HostParts {
  readonly agent: { readonly name: string; readonly version: string };
  readonly container: Container;
  readonly clock: Clock;
  readonly abort: AbortSignal;
  readonly views: Views;
  readonly board: HealthBoard;
  logger(origin: string): Logger;
  meter(name: string): Meter;
}

export interface AgentHost extends GraphHost {
  /** How the health of a component whose scope was made here is reported. */
  reporter(scope: { readonly id: ComponentId; readonly pipeline: string | undefined }): HealthReporter | undefined;
}

/** Joins the agent's services into what the graph needs. */
export function createHost(parts: HostParts): AgentHost {
  const reporters = new Map<string, HealthReporter>();
  return {
    clock: parts.clock,
    abort: parts.abort,
    converter: (wanted) => createConverter(wanted, IDLE_TIMEOUT_MS),
    scope(id, pipeline, ledger): Scope {
      const reporter = parts.board.add(id, pipeline);
      reporters.set(origin(id, pipeline), reporter);
      const log = parts.logger(origin(id, pipeline));
      return createScope({
        id,
        pipeline,
        log,
        meter: parts.meter(`bpflow/${id.kind}/${id.type}`),
        clock: guarded(parts.clock, log),
        items: ledger.items,
        agent: parts.agent,
        root: parts.container,
        inspect: (name, view) =>
          parts.views.add(
            { kind: id.kind, id: String(id), name, ...(pipeline === undefined ? {} : { pipeline }) },
            view,
          ),
        health: (health) => reporter.report(health),
      });
    },
    reporter: ({ id, pipeline }) => reporters.get(origin(id, pipeline)),
  };
}

/** Foreign series that sent nothing for so long start anew when they come back. */
const IDLE_TIMEOUT_MS = 60 * 60 * 1000;

/** `receiver/otlp`, `processor/batch@metrics`. */
function origin(id: ComponentId, pipeline: string | undefined): string {
  return `${id.kind}/${id}${pipeline === undefined ? '' : `@${pipeline}`}`;
}

/** A component's timer that throws is logged under its name, not reported as an error of the process. */
function guarded(clock: Clock, log: Logger): Clock {
  const guard = (callback: () => void) => (): void => {
    try {
      callback();
    } catch (thrown) {
      log.error('A timer of the component failed.', { error: asError(thrown) });
    }
  };
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, callback) => clock.after(ms, guard(callback)),
    every: (ms, callback) => clock.every(ms, guard(callback)),
  };
}
