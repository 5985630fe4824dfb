import { Session } from 'node:inspector/promises';

/** A sample each 100 kB allocated: some hundred a second under load. */
const HEAP_SAMPLING_BYTES = 102_400;

/** Takes a profile of this process; the JSON that developer tools read. Ends early, with what there is, when `abort` is. */
export async function takeProfile(type: 'cpu' | 'heap', seconds: number, abort: AbortSignal): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    if (type === 'cpu') {
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      await pause(seconds, abort);
      return JSON.stringify((await session.post('Profiler.stop')).profile);
    }
    await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLING_BYTES });
    await pause(seconds, abort);
    return JSON.stringify((await session.post('HeapProfiler.stopSampling')).profile);
  } finally {
    session.disconnect();
  }
}

function pause(seconds: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (abort.aborted) return resolve();
    const timer = setTimeout(done, seconds * 1000);
    function done(): void {
      clearTimeout(timer);
      abort.removeEventListener('abort', done);
      resolve();
    }
    abort.addEventListener('abort', done);
  });
}
