/**
 * How long the last push of the agent's own metrics may take, ms: a share of the time for the whole stop, so that a dead end does
 * not hold up an agent that has delivered its data; and something even when the components took all of it.
 */
export function lastPushMs(shutdownTimeoutMs: number, leftMs: number): number {
  return Math.max(AT_LEAST_MS, Math.min(leftMs, shutdownTimeoutMs * AT_MOST_SHARE));
}

const AT_LEAST_MS = 500;
const AT_MOST_SHARE = 1 / 5;
