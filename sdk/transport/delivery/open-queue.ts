import type { Signal } from '../../../pdata/signals.ts';
import { STORAGE } from '../../facts.ts';
import type { Scope } from '../../scope.ts';
import { openPersistentQueue } from './persistent-queue.ts';
import type { RequestQueue } from './queue.ts';

/** The queue of a signal in a storage extension, with what an earlier process left in it. Throws when nobody provides the storage. */
export async function openStoredQueue(scope: Scope, storage: string, signal: Signal): Promise<RequestQueue> {
  const { kind, type, name } = scope.id;
  const client = await scope.get(STORAGE, storage).open(`${kind}_${type}_${name}`, signal);
  const queue = await openPersistentQueue({
    storage: client,
    log: scope.log,
    damaged: (items) => scope.items.dropped(items, 'damaged'),
  });
  scope.items.created(queue.totals.items, 'restored');
  return queue;
}
