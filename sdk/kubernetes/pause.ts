import type { Clock } from '../scope.ts';

/** Resolves after so many ms, or when it is aborted. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = clock.after(ms, end);
  signal.addEventListener('abort', end);
  await promise;
  signal.removeEventListener('abort', end);
  timer.cancel();
}
