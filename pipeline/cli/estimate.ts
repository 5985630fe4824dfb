import { parseDuration } from '../../sdk/config-types.ts';
import { createAgent } from '../agent.ts';
import { PipelineError } from '../errors.ts';
import type { GraphPlan } from '../graph/plan.ts';
import type { Arguments } from './arguments.ts';
import { agentOptions, readConfiguration } from './configuration.ts';
import { estimatingPlan } from './estimate/estimating-plan.ts';
import { estimateOf, type PipelineEstimate } from './estimate/report.ts';
import { estimateText } from './estimate/text.ts';

/**
 * Runs the pipelines of a configuration for a while without exporting anything, and prints how many series come, how many its
 * budgets let out, and how many half of them would.
 */
export async function estimate({ config, set, format, for: span }: Arguments): Promise<number> {
  const forMs = parseDuration(span);
  if (forMs === undefined || !(forMs > 0)) {
    throw new PipelineError('usage', `invalid argument "${span}" for "--for" flag: use a duration such as 30s`);
  }
  const { plan, service } = await readConfiguration({ config, set });
  const { logs } = agentOptions(service);
  const beginMs = performance.now();
  const pipelines = await estimatePlan(plan, { logs: { ...logs, level: 'warn' }, until: elapsed(forMs) });
  const ms = Math.round(performance.now() - beginMs);
  const report = { seconds: ms / 1000, pipelines };
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify(report, undefined, 2)}\n`
      : estimateText(pipelines, Math.round(ms / 100) * 100),
  );
  return 0;
}

export interface EstimateOptions {
  readonly logs: ReturnType<typeof agentOptions>['logs'];
  /** When it is over. */
  readonly until: Promise<void>;
}

/** Runs a plan as an agent would, with nothing going out, and tells what came. Throws what kept it from starting. */
export async function estimatePlan(plan: GraphPlan, options: EstimateOptions): Promise<readonly PipelineEstimate[]> {
  const estimating = estimatingPlan(plan);
  const agent = await createAgent({
    plan: estimating.plan,
    logs: options.logs,
    metrics: { level: 'none', readers: [] },
    adminEndpoint: undefined,
    shutdownTimeoutMs: STOP_TIMEOUT_MS,
  });
  await agent.start();
  await options.until;
  await estimating.collect();
  await agent.stop();
  return estimating.probes.map(estimateOf);
}

const STOP_TIMEOUT_MS = 5000;

/** Resolves after so many ms, or at Ctrl-C: what has come until then counts. */
function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      process.removeListener('SIGINT', done);
      process.removeListener('SIGTERM', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    process.on('SIGINT', done);
    process.on('SIGTERM', done);
  });
}
