/** Name under which a component publishes who talks to whom, as a {@link ServiceMapView}; `bpflow map` shows all views of this name. */
export const SERVICE_MAP_VIEW = 'service_map';

/** Requests of one kind from one service to another. */
export interface ServiceMapEdge {
  /** `namespace/name`, or a name alone where there is no namespace. */
  readonly client: string;
  readonly server: string;
  /** `tcp`, `http`, `grpc`. */
  readonly type: string;
  /** Since the start. */
  readonly requests: number;
  /** Those that were answered with an error of the server. */
  readonly failed: number;
  /** Over the last seconds of the view. */
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Absent where nobody could tell it lately. */
  readonly latency?: ServiceMapLatency;
}

/** How long the answers of an edge took, of the last minute or two. */
export interface ServiceMapLatency {
  /** Whose node saw it: the client's counts the network between them in, and stands only where the server's tells nothing. */
  readonly seenBy: 'server' | 'client';
  readonly answers: number;
  /** Of all of them together. */
  readonly seconds: number;
  /** In order of their bounds; those without answers are left out. */
  readonly buckets: readonly LatencyBucket[];
}

/** Answers that took more than `above` and at most `upTo` seconds; without `upTo` there is no upper bound. */
export interface LatencyBucket {
  readonly above: number;
  readonly upTo?: number;
  readonly answers: number;
}

/** Who talks to whom. JSON as it is. */
export interface ServiceMapView {
  /** What the rates are over. */
  readonly seconds: number;
  readonly edges: readonly ServiceMapEdge[];
  /** Requests between services that found no room. */
  readonly overflow: number;
  /** Why there can be no edges. */
  readonly unavailable?: string;
}
