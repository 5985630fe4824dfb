import { identifyCgroup } from 'bpflow/containers';
import { MoveBody } from '../../../bpf/events.gen.ts';
import { identityResource } from '../series/groups.ts';
import { type EventRecord, type Told, untilZero } from './record.ts';

const move = new MoveBody();

/** A process that is in another cgroup now; the resource is that of where it is. */
export function tellMove(record: EventRecord): Told {
  const { pathLength, mover, moverCommand } = move.move(record.words, record.body);
  const path = untilZero(record.text(MoveBody.SIZE, pathLength));
  const isOther = mover !== record.header.pid;
  return {
    name: 'process.cgroup_move',
    severity: 'INFO',
    importance: 0.4,
    what: `was moved to the cgroup ${path}${isOther ? ` by process ${mover}` : ''}`,
    attributes: {
      'process.linux.cgroup': path,
      ...(isOther && { 'ebpf.cgroup.mover.pid': mover, 'ebpf.cgroup.mover.command': moverCommand }),
    },
    resource: identityResource(identifyCgroup(path)),
  };
}
