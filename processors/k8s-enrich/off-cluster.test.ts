import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Enrichment, logsOf } from './test/enrichment.ts';
import { CONTAINER, FakeCluster } from './test/fake-cluster.ts';

const docker = mkdtempSync(join(tmpdir(), 'docker-'));
after(() => rmSync(docker, { recursive: true }));
mkdirSync(join(docker, 'containers', CONTAINER), { recursive: true });
writeFileSync(
  join(docker, 'containers', CONTAINER, 'config.v2.json'),
  JSON.stringify({ Name: '/web', Config: { Image: 'nginx:1.27' } }),
);
const containers = { docker_root: docker, podman_roots: [] };
const OTHER = '0123abcd'.repeat(8);

for (const cluster of ['none', new FakeCluster()] as const) {
  describe(cluster === 'none' ? 'off a cluster' : 'outside the pods of a cluster', () => {
    test('a container of Docker has its name', () => {
      const world = new Enrichment({ containers }, cluster);
      void world.own({ resource: { 'container.id': CONTAINER }, value: 1 });
      void world.give(logsOf({ 'container.id': CONTAINER }));
      assert.deepEqual(world.metrics[0]!.resource, {
        'container.id': CONTAINER,
        'container.image.name': 'nginx',
        'container.image.tag': '1.27',
        'container.name': 'web',
      });
      assert.equal(world.logs[0]!['container.name'], 'web');
    });

    test('a process of the node has its unit, where its cgroup is a label', () => {
      const world = new Enrichment({}, cluster);
      const unit = (cgroup: string) => {
        void world.own({ resource: {}, attributes: { 'process.linux.cgroup': cgroup }, value: 1 });
        return world.metrics.at(-1)!.resource;
      };
      assert.deepEqual(unit('/system.slice/nginx.service/worker'), { 'systemd.unit.name': 'nginx.service' });
      assert.deepEqual(unit('/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope'), {
        'systemd.unit.name': 'user@1000.service',
        'systemd.user_unit.name': 'term.scope',
      });
      assert.deepEqual(unit('/lxc.payload.db/init.scope'), { 'container.name': 'db' });
      assert.deepEqual(unit('/'), {});
      assert.equal(world.unenriched('no_association'), 1);
    });
  });
}

test('off a cluster nothing is held, and a container that nobody knows stays an id', () => {
  const world = new Enrichment({ containers }, 'none');
  void world.own({ resource: { 'container.id': OTHER }, value: 1 });
  assert.deepEqual(world.metrics, [{ resource: { 'container.id': OTHER }, value: 1 }]);
  assert.equal(world.unenriched('no_association'), 1);
});
