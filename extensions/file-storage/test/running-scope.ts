import { type FakeScope, fakeScope } from 'bpflow/testing';

/** The scope of a storage in a process of its own: its clock goes on with the machine's. */
export function runningScope(): FakeScope {
  const scope = fakeScope('extension', 'file_storage');
  setInterval(() => scope.clock.advance(20), 20).unref();
  return scope;
}
