import { createNoopMeter } from '@opentelemetry/api';
import type { MetricBatch } from '../../../pdata/metrics.ts';
import { type MetricReport, SeriesTally } from '../../../sdk/cardinality/index.ts';
import type { Consumer, ProcessorSpec, StatefulProcessor } from '../../../sdk/component.ts';
import type { Scope } from '../../../sdk/scope.ts';
import { halved } from './halved.ts';

/** What was seen at one place of a pipeline. */
export interface Probe {
  readonly pipeline: string;
  /** Id of the processor that limits there; undefined for an exporter of a pipeline without one. */
  readonly processor: string | undefined;
  /** What came to it. */
  readonly before: SeriesTally;
  /** What it let out. */
  readonly now: SeriesTally;
  /** What it would have let out with half of each budget. */
  readonly half: SeriesTally;
  /** What the processor and its double say of their metrics. */
  readonly reports: { readonly now: () => readonly MetricReport[]; readonly half: () => readonly MetricReport[] };
}

/**
 * The processor, with a double beside it that has half of each budget and gets the same; both are counted. What the double makes
 * goes nowhere.
 */
export function probed(spec: ProcessorSpec, found: (probe: Probe) => void): ProcessorSpec {
  return {
    ...spec,
    create(config, scope, next) {
      const nowView = new ViewOf();
      const halfView = new ViewOf();
      const processor = spec.create(config, nowView.watching(scope), next) as StatefulProcessor;
      const double = spec.create(halved(config), halfView.alone(scope), {}) as StatefulProcessor;
      const probe: Probe = {
        pipeline: scope.pipeline ?? '',
        processor: String(scope.id),
        before: new SeriesTally(),
        now: new SeriesTally(),
        half: new SeriesTally(),
        reports: { now: () => nowView.reports(), half: () => halfView.reports() },
      };
      found(probe);
      const sink = counting(probe.half);
      const metrics: StatefulProcessor['consume']['metrics'] = (batch, to, abort) => {
        probe.before.add(batch);
        void double.consume.metrics!(batch, sink, abort);
        return processor.consume.metrics!(batch, counting(probe.now, to), abort);
      };
      return {
        ...processor,
        consume: { ...processor.consume, metrics },
        async start() {
          await double.start?.();
          await processor.start?.();
        },
        async stop(abort) {
          await double.stop?.(abort);
          await processor.stop?.(abort);
        },
      };
    },
  };
}

/** Counts what goes to a consumer, or nowhere. */
export function counting(tally: SeriesTally, to?: Consumer<MetricBatch>): Consumer<MetricBatch> {
  return {
    refusal: () => to?.refusal(),
    consume(batch, abort) {
      tally.add(batch);
      return to?.consume(batch, abort);
    },
  };
}

/** Keeps the view `cardinality` of a processor at hand. */
class ViewOf {
  #view: () => unknown = () => undefined;

  watching(scope: Scope): Scope {
    return this.#over(scope, {});
  }

  /** Of somebody whom nobody shall notice. */
  alone(scope: Scope): Scope {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const uncounted = { dropped() {}, created() {}, merged() {} };
    return this.#over(scope, { log: silent, items: uncounted, meter: createNoopMeter(), health() {} });
  }

  reports(): readonly MetricReport[] {
    const view = this.#view() as { readonly metrics?: readonly MetricReport[] } | undefined;
    return view?.metrics ?? [];
  }

  #over(scope: Scope, changes: Partial<Scope>): Scope {
    return {
      id: scope.id,
      pipeline: scope.pipeline,
      log: scope.log,
      meter: scope.meter,
      clock: scope.clock,
      items: scope.items,
      agent: scope.agent,
      get: (token, extension) => scope.get(token, extension),
      find: (token, extension) => scope.find(token, extension),
      provide: (token, service) => scope.provide(token, service),
      health: (health) => scope.health(health),
      ...changes,
      inspect: (_name, view) => {
        this.#view = () => view({});
      },
    };
  }
}
