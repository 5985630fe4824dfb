import { existsSync } from 'node:fs';
import {
  asError,
  type ComponentPlan,
  type MetricDefinition,
  type PlanCheck,
  type PlannedMetric,
  type PlanScope,
} from 'bpflow/sdk';
import { targetOf } from '../address.ts';
import { addressOf, type Config } from '../config.ts';
import { definitions, lostEvents } from '../definitions.ts';
import { FlowIntake } from '../flow-intake.ts';
import { openTls } from '../tls.ts';
import { unavailableOf } from '../unavailable.ts';
import { offKeyOf, SOURCES } from './sources.ts';

/** What the receiver can tell with this configuration. The server is not asked: what it has to offer stands beside each metric. */
export function planHubble(config: Config, scope: PlanScope): ComponentPlan {
  const joins = joinCheck(config, scope);
  const isUpstream = config.names === 'hubble_upstream';
  const metrics = !scope.signals.has('metrics')
    ? []
    : isUpstream
      ? upstreamMetrics(config, scope)
      : ownMetrics(config, joins?.ok === false ? joins.found : undefined);
  return {
    checks: [addressCheck(config), tlsCheck(config, scope), ...(joins === undefined ? [] : [joins])],
    metrics: config.enabled
      ? metrics
      : metrics.map((metric) => ({ ...metric, state: 'off', reason: 'enabled is off.' })),
    programs: [],
    memory: [],
    needs: [],
    method:
      'The server was not asked. What it has to offer stands beside each metric; metrics of what it does not offer stay away.',
  };
}

function addressCheck(config: Config): PlanCheck {
  const address = addressOf(config);
  const { target, isUnix } = targetOf(address);
  const path = target.slice('unix:'.length);
  if (!isUnix || existsSync(path)) return { name: 'address', ok: true, found: address, advice: '' };
  return {
    name: 'address',
    ok: false,
    found: `there is no socket ${path}`,
    advice: 'Mount the folder of the socket from the host, or correct endpoint.',
  };
}

function tlsCheck(config: Config, { clock }: PlanScope): PlanCheck {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const check = (ok: boolean, found: string, advice = ''): PlanCheck => ({ name: 'TLS', ok, found, advice });
  try {
    const tls = openTls(config, targetOf(addressOf(config)).isUnix, { clock, log: silent });
    tls?.close();
    return check(true, tls === undefined || tls.insecure ? 'without' : 'TLS 1.3; its files can be read');
  } catch (error) {
    return check(false, asError(error).message, 'Correct tls, or hubble_tls_….');
  }
}

function joinCheck({ join }: Config, { used }: PlanScope): PlanCheck | undefined {
  if (join === undefined) return undefined;
  const ok = used.has(`receiver/${join}`);
  return {
    name: 'join',
    ok,
    found: ok
      ? `the receiver ${join} is in use; its own plan tells whether it can list sockets`
      : `no pipeline has the receiver ${join}`,
    advice: ok ? '' : `Put ${join} into a metrics pipeline of this agent, with collect_network.`,
  };
}

/** `missing`: why there is nothing to join with. */
function ownMetrics(config: Config, missing: string | undefined): PlannedMetric[] {
  const all = definitions({ context: {}, sampleRate: config.flow_sample_rate });
  const { hubble_flow_bytes_total: noBytes, ...never } = unavailableOf(config, missing);
  const planned = Object.entries(SOURCES).map(([name, source]): PlannedMetric => {
    const definition = all[name as keyof typeof SOURCES];
    const off = offKeyOf(source, config);
    if (off !== undefined) return absent(definition, 'off', `${source.key === 'join' ? noBytes : off}.`);
    if (source.key === 'join' && noBytes !== undefined) return absent(definition, 'absent', `${noBytes}.`);
    return there(definition, source.from);
  });
  const impossible = Object.entries(never).map(
    ([seedName, reason]): PlannedMetric => ({
      name: seedName.replace(/_total$/, '').replaceAll('_', '.'),
      seedName,
      kind: seedName.endsWith('_total') ? 'counter' : 'gauge',
      unit: seedName.includes('_bytes_') ? 'By' : '{endpoint}',
      state: 'off',
      reason: `not available: ${reason}.`,
      ...NOTHING,
    }),
  );
  return [...planned, there(lostEvents(), 'what Hubble says it has lost'), ...impossible];
}

function upstreamMetrics(config: Config, { agent }: PlanScope): PlannedMetric[] {
  const { metrics } = new FlowIntake({ config, version: agent.version }).metrics;
  return metrics.map(({ definition }) => there(definition, "flows, as in Cilium's own agent"));
}

const NOTHING = { programs: [], needs: [], memory: [] } as const;

function there(definition: MetricDefinition, from: string): PlannedMetric {
  const { name, seedName, kind, unit, exactness } = definition;
  const isExact = exactness === 'exact';
  const reason = isExact ? '' : Object.values(exactness ?? {}).join(' ');
  return { name, seedName, kind, unit, state: isExact ? 'exact' : 'inexact', reason, from, ...NOTHING };
}

function absent(
  { name, seedName, kind, unit }: MetricDefinition,
  state: 'off' | 'absent',
  reason: string,
): PlannedMetric {
  return { name, seedName, kind, unit, state, reason, ...NOTHING };
}
