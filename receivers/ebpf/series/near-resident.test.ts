import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearResident } from './near-resident.ts';

test('what is not read of resident memory is in threads before Linux 6.2 and on CPUs since', () => {
  for (const kernel of ['5.10.0-46-amd64', '6.1.0-56-amd64']) assert.match(nearResident(kernel), /in each thread/);
  for (const kernel of ['6.2.0', '6.12.117+deb13-amd64', '7.2.13+deb14-amd64']) {
    assert.match(nearResident(kernel), /on each CPU/);
  }
});
