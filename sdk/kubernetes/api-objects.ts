/** Objects of the API as its JSON has them, as far as they are read here. What came as protobuf has the same form. */

export interface ApiObject {
  readonly metadata?: ApiMeta;
}

export interface ApiMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly ApiOwner[];
}

export interface ApiOwner {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

export interface ApiPod extends ApiObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly hostname?: string;
    readonly containers?: readonly ApiContainerSpec[];
    readonly initContainers?: readonly ApiContainerSpec[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly startTime?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip?: string }[];
    readonly containerStatuses?: readonly ApiContainer[];
    readonly initContainerStatuses?: readonly ApiContainer[];
    readonly ephemeralContainerStatuses?: readonly ApiContainer[];
  };
}

export interface ApiContainerSpec {
  readonly name?: string;
  readonly image?: string;
}

export interface ApiContainer {
  readonly name?: string;
  readonly containerID?: string;
  readonly image?: string;
  readonly imageID?: string;
  readonly restartCount?: number;
  readonly state?: ApiContainerState;
  readonly lastState?: ApiContainerState;
}

export interface ApiContainerState {
  readonly terminated?: { readonly containerID?: string };
}

export interface ApiEndpointSlice extends ApiObject {
  readonly endpoints?: readonly ApiEndpoint[];
}

export interface ApiEndpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly uid?: string };
}

/** A list, or a page of one. */
export interface ApiList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** What the API says of a failure. */
export interface ApiStatus {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}
