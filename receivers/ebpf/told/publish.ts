import { PROCESSES, type Scope, SOCKETS } from 'bpflow/sdk';
import type { Collection } from '../collection.ts';
import { inHostNamespace } from '../kernel/needs.ts';
import { NodeProcesses } from './node-processes.ts';
import { SocketTable } from './socket-table.ts';
import { toldSockets } from './told-sockets.ts';

/**
 * Provides PROCESSES, and SOCKETS where TCP is counted and sockets can be listed. Returns the table of sockets, which has to be
 * closed before the kernel half is.
 */
export function publishFacts(scope: Scope, { kernel }: Collection, history: number): SocketTable | undefined {
  const { clock } = scope;
  scope.provide(
    PROCESSES,
    new NodeProcesses({ clock, made: (id) => kernel.cgroupPath(id), seesNode: inHostNamespace('pid') }),
  );
  const told = toldSockets(kernel);
  if (told === undefined) return undefined;
  const sockets = new SocketTable({ told, clock, monotonicNs: () => process.hrtime.bigint(), history });
  scope.provide(SOCKETS, sockets);
  scope.inspect('sockets', () => sockets.view);
  scope.meter
    .createObservableGauge('bpflow_ebpf_told_sockets', {
      description: 'TCP sockets that other components can find, while one of them asks: living, and ended.',
    })
    .addCallback((result) => {
      const { living, ended } = sockets.view;
      result.observe(living, { state: 'living' });
      result.observe(ended, { state: 'ended' });
    });
  scope.meter
    .createObservableCounter('bpflow_ebpf_told_sockets_lost', {
      description:
        'Ended TCP sockets that other components cannot find any more: the ring was full, or newer ones took their place in the history.',
    })
    .addCallback((result) => {
      const { lost, evicted } = sockets.view;
      result.observe(lost, { reason: 'ring_full' });
      result.observe(evicted, { reason: 'history' });
    });
  scope.meter
    .createObservableCounter('bpflow_ebpf_told_sockets_unlisted', {
      description:
        'Looks at the living TCP sockets that failed because there are too many, about 95,000: new ones are found when they end.',
    })
    .addCallback((result) => result.observe(sockets.view.unlisted));
  return sockets;
}
