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
