import type { Meter } from '@opentelemetry/api';
import { asError } from '../sdk/errors.ts';
import type { Clock, Logger } from '../sdk/scope.ts';
import type { Views } from './admin/views.ts';
import { keyOf } from './graph/books.ts';
import type { GraphHost } from './graph/build.ts';
import type { Node } from './graph/node.ts';
import { createConverter } from './graph/own-converter.ts';
import type { Seat, Stage } from './graph/seat.ts';
import type { HealthBoard } from './health.ts';
import type { Container } from './plugins/container.ts';
import { RunningServices } from './plugins/running-services.ts';
import { createScope, Lookups } from './plugins/scope.ts';
import { InstanceMeter } from './telemetry/instance-meter.ts';

export interface HostParts {
  readonly agent: { readonly name: string; readonly version: string };
  readonly container: Container;
  readonly clock: Clock;
  readonly abort: AbortSignal;
  readonly views: Views;
  readonly board: HealthBoard;
  logger(origin: string): Logger;
  meter(name: string): Meter;
  made?(node: Node): void;
}

/** Joins the agent's services into what the graph needs. */
export function createHost(parts: HostParts): GraphHost {
  const { container, clock, abort, made } = parts;
  const lookups = new WeakMap<Seat, Lookups>();
  /** The meters shown last, by component. */
  const meters = new Map<string, InstanceMeter>();
  const stage = (): Stage => {
    const staged = container.stage();
    return {
      seat(id, pipeline, items) {
        const asked = new Lookups();
        const made = takeSeat(parts, { id, pipeline, items, container: staged, lookups: asked, meters });
        lookups.set(made, asked);
        return made;
      },
      keep: ({ scope }) => staged.keep(String(scope.id), container),
      answers: (seat) => lookups.get(seat)!.agree(staged),
      adopt: () => container.adopt(staged),
    };
  };
  return {
    clock,
    abort,
    stage,
    converter: (wanted) => createConverter(wanted, IDLE_TIMEOUT_MS),
    ...(made === undefined ? {} : { made }),
  };
}

/** Foreign series that sent nothing for so long start anew when they come back. */
const IDLE_TIMEOUT_MS = 60 * 60 * 1000;

interface SeatOptions {
  readonly id: Seat['scope']['id'];
  readonly pipeline: string | undefined;
  readonly items: Seat['scope']['items'];
  readonly container: Container;
  readonly lookups: Lookups;
  readonly meters: Map<string, InstanceMeter>;
}

function takeSeat(parts: HostParts, { id, pipeline, items, container, lookups, meters }: SeatOptions): Seat {
  const key = keyOf(id, pipeline);
  const log = parts.logger(key);
  const health = parts.board.reporter(id, pipeline);
  const metrics = new InstanceMeter(parts.meter(`bpflow/${id.kind}/${id.type}`), log);
  const views = parts.views.of({ kind: id.kind, id: String(id), ...(pipeline === undefined ? {} : { pipeline }) });
  const services = new RunningServices(container, pipeline === undefined ? String(id) : `${id} in ${pipeline}`);
  const scope = createScope({
    id,
    pipeline,
    log,
    meter: metrics.meter,
    clock: guarded(parts.clock, log),
    items,
    agent: parts.agent,
    container,
    services,
    lookups,
    inspect: (name, view) => views.add(name, view),
    health: (word) => health.report(word),
  });
  let isShown = false;
  return {
    scope,
    show() {
      if (isShown) return;
      isShown = true;
      health.show();
      views.show();
      metrics.show(meters.get(key));
      meters.set(key, metrics);
    },
    started() {
      health.started();
      services.started();
    },
    unavailable: (reason) => health.report({ state: 'unavailable', summary: reason }),
    stopping: () => services.stopping(),
    stopped: () => health.stopped(),
    leave() {
      services.stopping();
      health.remove();
      views.remove();
      void metrics.leave();
    },
  };
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
