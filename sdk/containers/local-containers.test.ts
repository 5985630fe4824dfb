import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LocalContainers } from './local-containers.ts';

const ID = 'f1fd41ed'.repeat(8);
const OTHER = '0123abcd'.repeat(8);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'containers-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function docker(id: string, content: string): void {
  const folder = join(root, 'docker', 'containers', id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.v2.json'), content);
}

function podman(content: string): void {
  const folder = join(root, 'podman', 'overlay-containers');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'containers.json'), content);
}

function containers(refused?: (path: string, reason: string) => void): LocalContainers {
  return new LocalContainers({
    docker: join(root, 'docker'),
    podman: [join(root, 'podman')],
    ...(refused && { refused }),
  });
}

test('a container of Docker has its name, image and labels', () => {
  docker(ID, JSON.stringify({ ID, Name: '/web', Config: { Image: 'nginx:1.27', Labels: { team: 'shop', bad: 7 } } }));
  assert.deepEqual(containers().find(ID), { name: 'web', image: 'nginx:1.27', labels: { team: 'shop' } });
});

test('a container of Podman has its name and image, also one that is made later', () => {
  const entry = (id: string, name: string) => ({
    id,
    names: [name],
    metadata: JSON.stringify({ 'image-name': 'docker.io/library/nginx:1.27', name }),
  });
  podman(JSON.stringify([entry(ID, 'web')]));
  const local = containers();
  assert.deepEqual(local.find(ID), { name: 'web', image: 'docker.io/library/nginx:1.27', labels: {} });
  assert.equal(local.find(OTHER), undefined);
  podman(JSON.stringify([entry(ID, 'web'), entry(OTHER, 'second')]));
  assert.equal(local.find(OTHER)?.name, 'second');
});

const unusable: Readonly<Record<string, string>> = {
  'is no JSON': '{',
  'is a list': '[]',
  'is null': 'null',
  'has no name': '{"Config":{}}',
  'has a name that is no text': '{"Name":7}',
  'is larger than any should be': JSON.stringify({ Name: '/web', pad: 'x'.repeat(2 ** 20) }),
};
for (const [what, content] of Object.entries(unusable)) {
  test(`a file of Docker that ${what} names nobody`, () => {
    docker(ID, content);
    assert.equal(containers().find(ID), undefined);
  });
}

for (const content of ['{', 'null', '[null, 7, {}]', '[{"id":7,"names":"x"}]']) {
  test(`a list of Podman that is ${content} names nobody`, () => {
    podman(content);
    assert.equal(containers().find(ID), undefined);
  });
}

test('an id never becomes a path', () => {
  assert.equal(containers().find('../../etc'), undefined);
  assert.equal(containers().find(`${'a'.repeat(63)}/`), undefined);
});

test('what is there and cannot be read is told once', () => {
  const told: string[] = [];
  for (const id of [ID, OTHER]) {
    const folder = join(root, 'docker', 'containers', id);
    mkdirSync(folder, { recursive: true });
    symlinkSync('config.v2.json', join(folder, 'config.v2.json'));
  }
  const local = containers((path, reason) => told.push(`${path}: ${reason}`));
  assert.equal(local.find(ID), undefined);
  assert.equal(local.find(OTHER), undefined);
  assert.deepEqual(told, [`${join(root, 'docker', 'containers', ID, 'config.v2.json')}: ELOOP`]);
});
