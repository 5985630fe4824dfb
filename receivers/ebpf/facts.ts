import { BLOCK_FACTS } from './metrics/block/block.ts';
import { DNS_FACTS } from './metrics/dns/metrics.ts';
import { FILE_FACTS } from './metrics/fileio/fileio.ts';
import { HTTP_FACTS } from './metrics/http/metrics.ts';
import { MEMORY_FACTS } from './metrics/mem/mem.ts';
import { PRESSURE_FACTS } from './metrics/mem/pressure.ts';
import { INTERFACE_FACTS } from './metrics/net/interfaces.ts';
import { NETWORK_FACTS } from './metrics/net/metrics.ts';
import { RUN_QUEUE_FACTS } from './metrics/sched/sched.ts';
import { SYSCALL_FACTS } from './metrics/syscall/syscall.ts';
import { CREDIT_FACTS } from './series/credits.ts';
import type { MetricFact } from './series/metric-fact.ts';

/** Every metric of the receiver. */
export const FACTS: readonly MetricFact[] = [
  ...SYSCALL_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_scheduler')),
  ...RUN_QUEUE_FACTS,
  ...NETWORK_FACTS,
  ...INTERFACE_FACTS,
  ...DNS_FACTS,
  ...HTTP_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_file_io')),
  ...FILE_FACTS,
  ...BLOCK_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_memory')),
  ...MEMORY_FACTS,
  ...PRESSURE_FACTS,
];
