import { agent, type Contender, limit } from './contender.ts';
import { flood } from './flood.ts';
import { programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';

/** Fewer than the ring holds, so that all are received. */
const SIGNALS = 2000;
const RING = 256 * 1024;

/** Program time of one event, by what becomes of it. */
export async function eventProgram(rounds: number): Promise<void> {
  const contenders = [
    events('received', `event_rate_limit: 1000000, ring_buffer_size: ${RING}`),
    stopped(events('ring full', 'event_rate_limit: 1000000, ring_buffer_size: 4096')),
    events('above the rate limit', 'event_rate_limit: 1'),
  ];
  const times = await withRunStatistics(() => programTimes(contenders, limit('empty_signal'), workload, rounds));
  printTable(
    'events: program time of a signal, ns, less an empty program (mean of the orders [min-max])',
    times.map((time) => ({ 'what becomes of it': time.name, ns: timeText(time) })),
  );
}

function workload(): number {
  flood(SIGNALS, 1);
  return SIGNALS;
}

function events(name: string, keys: string): Contender {
  const none =
    'collect_process_events: false, collect_oom_events: false, collect_container_events: false, collect_tcp_events: false, memory_threshold: 0';
  return agent(
    name,
    `{ receivers: { ebpf: { ${none}, collect_signal_events: true, ${keys} } }, exporters: { debug: { verbosity: basic } }, service: { admin: { endpoint: none }, telemetry: { metrics: { level: none } }, pipelines: { logs: { receivers: [ebpf], exporters: [debug] } } } }`,
  );
}

/** It does not run while it is measured, so that its ring stays full. */
function stopped({ name, start }: Contender): Contender {
  return {
    name,
    start: async () => {
      const { pid, stop } = await start();
      process.kill(pid, 'SIGSTOP');
      return {
        pid,
        stop: async () => {
          process.kill(pid, 'SIGCONT');
          await stop();
        },
      };
    },
  };
}
