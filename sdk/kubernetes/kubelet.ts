import type { Clock } from '../scope.ts';
import type { ApiClient } from './api-client.ts';
import type { ApiPod } from './api-objects.ts';
import { acceptOf, readList } from './encoding.ts';
import type { Attempt } from './feed.ts';
import { pause } from './pause.ts';
import { POD } from './shapes.ts';
import type { Store } from './store.ts';

export interface KubeletPollOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly store: Store<ApiPod>;
  readonly intervalMs: number;
}

/** Asks a kubelet for the pods of its node, again and again. An attempt ends with the first failure. */
export function kubeletPoll({
  client,
  clock,
  store,
  intervalMs,
}: KubeletPollOptions): (attempt: Attempt) => Promise<void> {
  return async (attempt) => {
    const { signal } = attempt;
    while (!signal.aborted) {
      const request = { path: '/pods', accept: acceptOf('list', false, ['json']), signal };
      const { encoding, bytes } = await client.get(request);
      const list = readList<ApiPod>(encoding, bytes, POD);
      store.begin();
      for (const read of list.items) store.set(read());
      store.complete();
      attempt.live();
      attempt.event();
      await pause(clock, intervalMs, signal);
    }
  };
}
