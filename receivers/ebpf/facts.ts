import { BLOCK_FACTS } from './block.ts';
import { CREDIT_FACTS } from './credits.ts';
import { DNS_FACTS } from './dns-metrics.ts';
import { FILE_FACTS } from './fileio.ts';
import { INTERFACE_FACTS } from './interfaces.ts';
import { MEMORY_FACTS } from './mem.ts';
import type { MetricFact } from './metric-fact.ts';
import { NETWORK_FACTS } from './net-metrics.ts';
import { PRESSURE_FACTS } from './pressure.ts';
import { RUN_QUEUE_FACTS } from './sched.ts';
import { SYSCALL_FACTS } from './syscall.ts';

/** Every metric of the receiver. */
export const FACTS: readonly MetricFact[] = [
  ...SYSCALL_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_scheduler')),
  ...RUN_QUEUE_FACTS,
  ...NETWORK_FACTS,
  ...INTERFACE_FACTS,
  ...DNS_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_file_io')),
  ...FILE_FACTS,
  ...BLOCK_FACTS,
  ...CREDIT_FACTS.filter(({ keys }) => keys.includes('collect_memory')),
  ...MEMORY_FACTS,
  ...PRESSURE_FACTS,
];
