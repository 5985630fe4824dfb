import { type Attributes, double, type NewLogRecord } from 'bpflow/sdk';
import type { EventHeader } from '../../../bpf/events.gen.ts';
import type { Group } from '../series/groups.ts';
import { SEVERITY, type Told } from './record.ts';

export interface Circumstances {
  /** ns since 1970. */
  readonly time: bigint;
  /** When it was read, ns since 1970. */
  readonly now: bigint;
  /** Attributes that it has whatever it tells. */
  readonly more: Attributes;
}

/** An event as a log record: what it tells, and whom it concerns. */
export function logRecord(
  header: EventHeader,
  told: Told,
  group: Group,
  { time, now, more }: Circumstances,
): NewLogRecord {
  const { pid, tid, parent, command } = header;
  const name = group.process === 'other' ? command : group.process;
  return {
    time,
    observedTime: now,
    severity: SEVERITY[told.severity],
    severityText: told.severity,
    eventName: told.name,
    body: `${name} ${told.what}`,
    resource: told.resource ?? group.resource,
    attributes: {
      ...(pid !== 0 && {
        'process.pid': pid,
        'process.parent_pid': parent,
        'process.user.id': header.user,
        'ebpf.process.user_group.id': header.userGroup,
        'thread.name': command,
        ...(tid !== pid && { 'thread.id': tid }),
      }),
      'cpu.logical_number': header.cpu,
      ...(group.process !== 'other' && { 'process.executable.name': group.process }),
      ...(group.cgroup !== undefined && { 'process.linux.cgroup': group.cgroup }),
      ...told.attributes,
      ...more,
      importance: double(told.importance),
    },
  };
}
