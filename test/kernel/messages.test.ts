import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { tasksArePreempted, tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { fexitObstacle } from './fexit.ts';
import { isBefore, isEmulated, skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: true,
  network_messages: true,
  exclude_processes: [],
};

const hasTracepoints = !isBefore(6, 3);
const noTracepoints = !hasTracepoints && 'needs Linux 6.3: the tracepoints of messages are missing before';

/** Each way to count messages, and what is attached then. */
const RUNGS: readonly {
  readonly name: string;
  readonly features: Readonly<Record<string, string>>;
  readonly attached: readonly string[];
  readonly obstacle: string | false;
}[] = [
  {
    name: 'typed tracepoints',
    features: { trace_events: 'off' },
    attached: ['socket_send_btf', 'socket_receive_btf'],
    obstacle:
      noTracepoints ||
      (tracepointsMiss() && 'tasks are preempted in tracepoints here, and the names of metrics say so'),
  },
  {
    name: 'trace events',
    features: { trace_events: 'on' },
    attached: ['socket_send_tp', 'socket_receive_tp'],
    obstacle: noTracepoints,
  },
  {
    name: 'the end of functions',
    features: hasTracepoints ? { tp_btf: 'off', trace_events: 'off' } : {},
    attached: ['send', 'receive'].flatMap((way) =>
      ['inet', 'inet6', 'unix_stream', 'unix_datagram', 'unix_packet'].map((of) => `socket_${way}_${of}_fexit`),
    ),
    obstacle:
      fexitObstacle ||
      (tasksArePreempted() && 'tasks are preempted in functions here, and the names of metrics say so'),
  },
];

for (const { name, features, attached, obstacle } of RUNGS) {
  describe(`messages at ${name}`, { skip: skip || obstacle }, () => {
    // Without typed tracepoints there is no TCP, and the names say so.
    const isLost = features['tp_btf'] === 'off';
    let receiver: ObservedReceiver;
    let workloads: Workloads;
    before(() => {
      workloads = new Workloads('messages');
      receiver = new ObservedReceiver({ ...KEYS, features });
    });
    after(async () => {
      workloads[Symbol.dispose]();
      await receiver[Symbol.asyncDispose]();
    });

    /** All that a process sent and received, by direction. */
    const traffic = (process: string, transport: string) => (samples: Samples) => ({
      bytes: samples.by('direction', named('ebpf_network_bytes_total', isLost), { process, transport }),
      packets: samples.by('direction', named('ebpf_network_packets_total', isLost), { process, transport }),
    });

    /** Runs it, and reads until every call of it is counted, and none twice. */
    async function counts(kind: string, rounds: number, threads: number): Promise<void> {
      const process = own(`${kind}-${threads}`);
      const truth = await workloads.run(process, kind, rounds, threads);
      const transport = kind === 'udp4' || kind === 'udp6' || kind === 'mapped' ? 'udp' : 'unix';
      // What it tells comes over a UNIX socket too.
      const told = transport === 'unix' ? JSON.stringify(truth).length + 1 : 0;
      await reads(receiver, traffic(process, transport), {
        bytes: { transmit: truth['sent_bytes']! + told, receive: truth['received_bytes']! },
        packets: { transmit: truth['sent']! + Math.sign(told), receive: truth['received']! },
      });
    }

    test('the programs of this rung are attached, and no others', () => {
      const counting = Object.entries(receiver.programs()).filter(([program]) =>
        /^socket_(send|receive)/.test(program),
      );
      const there = counting.flatMap(([program, state]) => (state === 'attached' ? [program] : []));
      const pages = isBefore(6, 5) ? ['socket_send_unix_page_fexit', 'socket_send_udp_page_fexit'] : [];
      assert.deepEqual(there.sort(), [...attached, ...(attached.length > 2 ? pages : [])].sort());
    });

    for (const kind of ['udp4', 'udp6', 'mapped', 'stream', 'datagram', 'packet']) {
      test(`${kind}: every message once, of no bytes, many by a call, by sendfile and io_uring; neither peeks nor failures`, async () => {
        await counts(kind, 100, 1);
      });
    }

    test('threads that send and receive at the same time lose none', async () => {
      const rounds = isEmulated ? 200 : 2000;
      await counts('udp4', rounds, 4);
      await counts('stream', rounds, 4);
    });
  });
}

describe('programs that are taken away', { skip: fexitObstacle }, () => {
  test('while a process sleeps in their function leave it unharmed, and count again when they are back', async () => {
    const features = hasTracepoints ? { tp_btf: 'off', trace_events: 'off' } : {};
    // It waits for its input, which is a UNIX socket.
    const sleeper = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
    const answer = async (text: string): Promise<string> => {
      sleeper.stdin.write(text);
      const [data] = (await once(sleeper.stdout, 'data')) as [Buffer];
      return data.toString();
    };
    for (let i = 0; i < 2; i++) {
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      assert.equal(receiver.programs()['socket_receive_unix_stream_fexit'], 'attached');
      // From here on it sleeps in the function with the program.
      assert.equal(await answer(`${i}`), `${i}`);
    }
    assert.equal(await answer('last'), 'last');
    const ended = once(sleeper, 'close');
    sleeper.stdin.end();
    assert.deepEqual(await ended, [0, null]);
  });
});

describe('where programs at the end of functions cannot be had', { skip }, () => {
  const there = fexitObstacle === false && 'they can be had here';
  test('each is named with the reason, and what is not counted is told', { skip: there }, async () => {
    await using receiver = new ObservedReceiver({ ...KEYS, features: { tp_btf: 'off', trace_events: 'off' } });
    assert.equal(receiver.programs()['socket_send_inet_fexit'], 'failed');
    const { state, details = [] } = receiver.scope.reported.at(-1)!;
    assert.equal(state, 'degraded');
    const text = details.join('\n');
    assert.match(text, /^socket_send_inet_fexit is not attached: \S+/m);
    assert.match(text, /^What UDP and UNIX sockets send is not counted\.$/m);
    assert.match(text, /^What UDP and UNIX sockets receive is not counted\.$/m);
  });

  test('switched off, none is tried', async () => {
    await using receiver = new ObservedReceiver({
      ...KEYS,
      features: { tp_btf: 'off', trace_events: 'off', fentry: 'off' },
    });
    const programs = receiver.programs();
    assert.deepEqual([programs['socket_send'], programs['socket_receive']], ['off', 'off']);
    assert.deepEqual(
      Object.keys(programs).filter((program) => program.endsWith('_fexit')),
      [],
    );
  });
});
