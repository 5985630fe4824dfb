import { deepEqual } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { AgentProcess, admin, until } from '../e2e/agent-process.ts';
import { NO_EVENTS } from './event-receiver.ts';
import { skip } from './machine.ts';
import { own, Workloads } from './workload.ts';

const ROUNDS = 20;

describe('rules on events of the kernel', { skip }, () => {
  const workloads = new Workloads();
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-rules-'));
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  test('are replaced at run time: the receiver goes on, and each rule counts what it decided', async () => {
    const [first, second] = [own('first'), own('second')];
    const config = join(folder, 'agent.yaml');
    const told = join(folder, 'events.json');
    const write = (wanted: string) => writeFileSync(config, JSON.stringify(configFor(folder, told, wanted)));
    write(first);
    await using agent = new AgentProcess(['run', '--config', config], folder);
    await agent.says('Everything is ready.');
    const decided = async () => {
      const rules = (await admin(agent.adminPath, '/v1/views/processor/filter/rules?pipeline=logs')) as Rules;
      return rules['wanted'];
    };
    const run = () => Promise.all([first, second].map((name) => workloads.run(name, 'sigreturn', ROUNDS)));
    await run();
    await until(
      () => signalsOf(told, first) >= ROUNDS,
      () => `${signalsOf(told, first)} signals`,
    );
    deepEqual([signalsOf(told, first), signalsOf(told, second)], [ROUNDS, 0]);

    write(second);
    agent.signal('SIGHUP');
    await agent.says(/The configuration was reloaded\..*"changed":\["processor\/filter@logs"\]/);
    await run();
    await until(
      () => signalsOf(told, second) >= ROUNDS,
      () => `${signalsOf(told, second)} signals`,
    );
    deepEqual([signalsOf(told, first), signalsOf(told, second)], [ROUNDS, ROUNDS]);
    deepEqual(await decided(), { kept: ROUNDS, dropped: 0 });
  });
});

type Rules = Readonly<Record<string, { readonly kept: number; readonly dropped: number }>>;

function configFor(folder: string, told: string, wanted: string) {
  return {
    receivers: { ebpf: { ...NO_EVENTS, collect_signal_events: true } },
    processors: { filter: { rules: [{ name: 'wanted', processes: [wanted] }], unmatched: 'drop' } },
    exporters: { file: { path: told, flush_interval: '50ms' } },
    service: {
      admin: { endpoint: join(folder, 'admin.sock') },
      telemetry: { metrics: { level: 'none' } },
      pipelines: { logs: { receivers: ['ebpf'], processors: ['filter'], exporters: ['file'] } },
    },
  };
}

/** Events of this program in the file. */
function signalsOf(path: string, process: string): number {
  if (!existsSync(path)) return 0;
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as Told)
    .flatMap(({ resourceLogs }) => resourceLogs.flatMap(({ scopeLogs }) => scopeLogs))
    .flatMap(({ logRecords }) => logRecords)
    .filter(({ attributes }) =>
      attributes.some(({ key, value }) => key === 'process.executable.name' && value.stringValue === process),
    ).length;
}

/** A line of the file, as far as it is looked at. */
interface Told {
  readonly resourceLogs: readonly {
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
      }[];
    }[];
  }[];
}
