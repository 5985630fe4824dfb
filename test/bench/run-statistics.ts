import { loadBpf } from '../../native/index.ts';

/** Runs `body` with the kernel's run statistics on. */
export async function withRunStatistics<T>(body: () => Promise<T>): Promise<T> {
  const statistics = loadBpf().enableStats();
  try {
    return await body();
  } finally {
    statistics.close();
  }
}
