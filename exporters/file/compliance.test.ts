import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-file-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describeCompliance(spec, {
  config: { path: join(folder, 'out.json') },
  badConfig: [
    {},
    { path: '' },
    { path: 'x', format: 'xml' },
    { path: 'x', encoding: 'otlp_encoding' },
    { path: 'x', compression: 'gzip' },
    { path: 'x', compression_params: { level: 23 } },
    { path: 'x', flush_interval: '-1s' },
    { path: 'x', append: true, rotation: {} },
    { path: 'x', rotation: { max_megabytes: -1 } },
    { path: 'x', directory_permissions: '0755' },
    { path: 'x', create_directory: true, directory_permissions: '999' },
    { path: 'x', create_directory: true, directory_permissions: '7777' },
    { path: 'x', create_directory: true, directory_permissions: 755 },
    { path: 'x', group_by: { enabled: true } },
    { path: '*', group_by: { enabled: true } },
    { path: 'a*b*', group_by: { enabled: true } },
    { path: 'a*', group_by: { enabled: true, resource_attribute: '' } },
    { path: 'x', temporality: 'both' },
    { path: 'x', max_buffer_size: '1KiB' },
    { path: 'x', format: 'prometheus', rotation: {} },
    { path: 'x', format: 'prometheus', append: true },
    { path: 'x', format: 'prometheus', compression: 'zstd' },
    { path: 'x', format: 'prometheus', temporality: 'delta' },
  ],
});
