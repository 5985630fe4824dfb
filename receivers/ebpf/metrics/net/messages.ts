import type { Kernel } from '../../kernel/kernel.ts';
import type { Rung } from '../../kernel/ladder.ts';
import type { PartRole } from '../../kernel/part.ts';
import { tasksArePreempted, tracepointsMiss } from '../../kernel/preemption.ts';

/**
 * What counts messages of UDP and UNIX sockets: a program for each direction at the kernel's tracepoint, else one for each
 * operation that messages of that direction pass.
 */
export function messageRoles(): PartRole[] {
  return [
    { name: 'socket_send', without: 'What UDP and UNIX sockets send is not counted.' },
    { name: 'socket_receive', without: 'What UDP and UNIX sockets receive is not counted.' },
    ...parts('socket_send', 'send', { ...SOCKETS, ...PAGES }),
    ...parts('socket_receive', 'receive', SOCKETS),
  ];
}

const SOCKETS = {
  inet: 'UDP over IPv4',
  inet6: 'UDP over IPv6',
  unix_stream: 'UNIX stream sockets',
  unix_datagram: 'UNIX datagram sockets',
  unix_packet: 'UNIX sequenced-packet sockets',
};

/** What sends page by page, by sendfile and splice, in kernels that have functions of their own for it. */
const PAGES = {
  unix_page: 'UNIX stream sockets by sendfile and splice',
  udp_page: 'UDP by sendfile and splice',
};

function parts(partOf: string, verb: 'send' | 'receive', of: Readonly<Record<string, string>>): PartRole[] {
  const verbs = verb === 'send' ? 'is sent over' : 'is received over';
  return Object.entries(of).map(([name, what]) => ({
    name: `${partOf}_${name}`,
    partOf,
    ifThere: name in PAGES,
    without: `What ${verbs} ${what} is not counted.`,
  }));
}

/** What may be missing where tasks are preempted in these programs. */
export function lostMessages(kernel: Kernel): string | undefined {
  const rungs = new Set<Rung>();
  for (const [role, rung] of kernel.plan.rungs) {
    if ([role.name, role.partOf].some((name) => name === 'socket_send' || name === 'socket_receive')) rungs.add(rung);
  }
  const misses = (rungs.has('btf') && tracepointsMiss()) || (rungs.has('fexit') && tasksArePreempted());
  return misses
    ? 'A message that is sent or received on a CPU where another task was preempted while its own was being counted may be missing.'
    : undefined;
}
