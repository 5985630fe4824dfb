import { formatByteSize } from 'bpflow/sdk';
import { MemoryBody } from '../../../bpf/events.gen.ts';
import type { EventRecord, Told } from './record.ts';

const memory = new MemoryBody();

/** A process whose resident memory passed the threshold. */
export function tellMemory(record: EventRecord, pageSize: number): Told {
  const { pages, threshold } = memory.move(record.words, record.body);
  const resident = Number(pages) * pageSize;
  return {
    name: 'process.memory_threshold',
    severity: 'WARN',
    importance: 0.8,
    what: `has ${Math.round(resident / 2 ** 20)} MiB of memory, more than ${formatByteSize(Number(threshold) * pageSize)}`,
    attributes: {
      'ebpf.memory.resident_bytes': resident,
      'ebpf.memory.threshold_bytes': Number(threshold) * pageSize,
    },
  };
}
