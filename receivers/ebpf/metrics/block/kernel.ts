import { LAYOUTS } from '../../../../bpf/block.gen.ts';
import type { KernelPart } from '../../kernel/part.ts';

/** Histograms of block devices: devices times operations. */
const LATENCIES = 96;

const without = 'Block I/O is not timed.';

export const blockPart: KernelPart = {
  layouts: LAYOUTS,
  isWanted: ({ blockIo }) => blockIo,
  roles: () => [
    { name: 'block_issue', stateless: true, without },
    { name: 'block_complete', stateless: true, without },
  ],
  prepare: (object) => object.setMaxEntries('block_latencies', LATENCIES),
};
