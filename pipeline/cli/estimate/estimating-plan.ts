import { z } from 'zod';
import { type MetricReport, SeriesTally } from '../../../sdk/cardinality/index.ts';
import type { ProcessorSpec, Upstream } from '../../../sdk/component.ts';
import { defineExporter, defineProcessor } from '../../../sdk/define.ts';
import { componentId } from '../../component-id.ts';
import { BUILT_IN } from '../../errors.ts';
import type { GraphPlan, PlannedComponent, PlannedPipeline } from '../../graph/plan.ts';
import { type Probe, probed } from './probe.ts';

/** The processor that this is about. */
const LIMITER = 'cardinality_limit';

const COLLECT_TIMEOUT_MS = 5000;

export interface EstimatingPlan {
  readonly plan: GraphPlan;
  /** Filled as components are made. */
  readonly probes: readonly Probe[];
  /** Lets receivers that can be asked collect. */
  readonly collect: () => Promise<void>;
}

/**
 * The plan with nothing going out: exporters take everything and do nothing; beside each `cardinality_limit` runs one with half
 * of each budget; and what comes to the end of a pipeline of metrics without one is counted.
 */
export function estimatingPlan(plan: GraphPlan): EstimatingPlan {
  const probes: Probe[] = [];
  const upstreams: Upstream[] = [];
  const found = (probe: Probe): void => void probes.push(probe);
  const nowhere = { spec: nowhereExporter(upstreams), plugin: BUILT_IN };
  const processors = new Map<ProcessorSpec, ProcessorSpec>();
  const withProbe = (planned: PlannedComponent): PlannedComponent => {
    const { spec } = planned.entry;
    if (spec.kind !== 'processor' || spec.type !== LIMITER) return planned;
    const replaced = processors.get(spec) ?? probed(spec, found);
    processors.set(spec, replaced);
    return { ...planned, entry: { ...planned.entry, spec: replaced } };
  };
  const counted = {
    id: componentId('processor', 'count'),
    config: {},
    entry: { spec: counter(found), plugin: BUILT_IN },
  };
  const pipelines = plan.pipelines.map((pipeline): PlannedPipeline => {
    const { signal, processors: all, exporters } = pipeline;
    const isLimited = all.some(({ id }) => id.type === LIMITER);
    return {
      ...pipeline,
      processors: signal === 'metrics' && !isLimited ? [...all, counted] : all.map(withProbe),
      exporters: exporters.map((planned) =>
        planned.id.kind === 'exporter' ? { ...planned, config: {}, entry: nowhere } : planned,
      ),
    };
  });
  return {
    plan: { ...plan, pipelines },
    probes,
    async collect() {
      const pullable = upstreams.filter((upstream) => upstream.pullable);
      await Promise.all(pullable.map((upstream) => upstream.collect({ maxAgeMs: 0, timeoutMs: COLLECT_TIMEOUT_MS })));
    },
  };
}

function nowhereExporter(upstreams: Upstream[]) {
  return defineExporter({
    type: 'nowhere',
    stability: 'stable',
    description: 'Takes everything and does nothing.',
    config: z.strictObject({}),
    consumes: ['metrics', 'logs', 'traces'],
    create(_, _scope, upstream) {
      upstreams.push(upstream);
      return { consume: { metrics() {}, logs() {}, traces() {} } };
    },
  });
}

function counter(found: (probe: Probe) => void) {
  return defineProcessor({
    type: 'count',
    stability: 'stable',
    description: 'Counts the series of a pipeline.',
    config: z.strictObject({}),
    consumes: ['metrics'],
    create(_, scope) {
      const tally = new SeriesTally();
      const none = (): readonly MetricReport[] => [];
      found({
        pipeline: scope.pipeline ?? '',
        processor: undefined,
        before: tally,
        now: tally,
        half: tally,
        reports: { now: none, half: none },
      });
      return {
        transform: {
          metrics(batch) {
            tally.add(batch);
            return batch;
          },
        },
      };
    },
  });
}
