import type { Config } from './config.ts';

/** Metrics that are promised and not there, with the reason: never a silent zero. */
export type Unavailable = Readonly<Record<string, string>>;

/** What Hubble alone cannot give. `missing`: why there is nothing to join with. */
export function unavailableOf(
  { names, join }: Pick<Config, 'names' | 'join'>,
  missing: string | undefined,
): Unavailable {
  if (names === 'hubble_upstream') return {};
  const bytes = join === undefined ? `${NO_BYTES}; join: ebpf counts those of this node's sockets` : missing;
  return { ...(bytes !== undefined && { hubble_flow_bytes_total: bytes }), ...ALWAYS };
}

const NO_BYTES = 'a flow of Hubble carries no count of bytes (up to Cilium 1.20)';

const ALWAYS: Unavailable = {
  hubble_drop_bytes_total: `${NO_BYTES}, and sockets count what was delivered: what is dropped on the way is in none of their counters`,
  hubble_endpoint_count:
    'flows do not tell which endpoints there are; the extension kubernetes does, with endpoints: true',
  hubble_endpoint_ready:
    'flows do not tell which endpoints are ready; the extension kubernetes does, with endpoints: true',
};
