import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'bpflow-storage-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

describeCompliance(spec, {
  config: { directory, timeout: '10s' },
  badConfig: [
    { directory: '' },
    { fsync: 'sometimes' },
    { max_size: '1KiB' },
    { segment_size: '2GiB' },
    { create_directory: true, directory_permissions: '0888' },
    { create_directory: true, directory_permissions: '7777' },
    { compaction: { max_transaction_size: -1 } },
    { compaction: { on_rebound: true, check_interval: '0s' } },
  ],
});
