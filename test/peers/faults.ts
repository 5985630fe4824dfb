import { type Agent, start } from './agents.ts';
import { type Protocol, send } from './load.ts';
import { freeAddresses, until } from './program.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { type Fault, Sink } from './sink.ts';

/** What became of one request of 100 points whose first attempts went wrong. */
export interface Fate {
  /** Points that the back end took. */
  readonly delivered: number;
  /** Requests that the back end saw. */
  readonly attempts: number;
  readonly duplicates: number;
  /** Points by the agent's own counters, as the Collector names them. */
  readonly sent: number;
  readonly failed: number;
  /** Did the attempts lie at least so far apart as the back end asked? */
  readonly waited: boolean;
}

export const POINTS = 100;
const RETRY = { initial_interval: '100ms', max_interval: '200ms', randomization_factor: 0, max_elapsed_time: '1500ms' };

/** Sends one request through the agent, without `batch`, and waits until its fate is decided. */
export async function fateOf(agent: Agent, protocol: Protocol, fault: Fault): Promise<Fate> {
  await using sink = await Sink.start();
  await sink.fault(fault);
  const [listen, metrics] = (await freeAddresses(2)) as [string, string];
  await using program = await start(
    agent,
    relayConfiguration({
      ...{ listen, metrics, protocol, target: sink[protocol], batch: false },
      exporter: { retry_on_failure: RETRY, timeout: '300ms' },
    }),
  );
  await send({ endpoint: listen, protocol, requests: 1, points: POINTS, concurrency: 1 });
  let sent = 0;
  let failed = 0;
  await until(
    async () => {
      const page = await (await fetch(`http://${metrics}/metrics`)).text();
      sent = sample(page, 'otelcol_exporter_sent_metric_points');
      failed = sample(page, 'otelcol_exporter_send_failed_metric_points');
      return sent + failed > 0;
    },
    () => `Its fate is not decided:\n${program.log}`,
  );
  const counts = await sink.counts();
  return {
    delivered: counts.points,
    attempts: counts.requests,
    duplicates: counts.ids['metrics']?.duplicates ?? 0,
    sent,
    failed,
    waited: (counts.span_s ?? 0) >= ((fault['retry-info-ms'] ?? 0) / 1000) * (counts.requests - 1) * 0.95,
  };
}

/** Sum of a metric's samples on a page, of those with a label (`code="OK"`) where one is given; 0 when there is none. */
export function sample(page: string, name: string, label = ''): number {
  const values = [...page.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
  return values.reduce((sum, [, labels = '', value]) => sum + (labels.includes(label) ? Number(value) : 0), 0);
}
