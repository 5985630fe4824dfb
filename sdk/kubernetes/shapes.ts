/**
 * Which fields of the API's protobuf messages are read, by their numbers in `generated.proto` of k8s.io/api and
 * k8s.io/apimachinery, under the names they have in JSON. What stands in no shape is passed over.
 */
export interface Shape {
  readonly [number: number]: readonly [name: string, type: FieldType, repeated?: 'repeated'];
}

/** `span` stays undecoded; `map` is `map<string, string>`; `time` becomes RFC 3339. */
export type FieldType = 'text' | 'number' | 'flag' | 'time' | 'map' | 'span' | Shape;

const OWNER: Shape = { 1: ['kind', 'text'], 3: ['name', 'text'], 4: ['uid', 'text'], 6: ['controller', 'flag'] };

const META: Shape = {
  1: ['name', 'text'],
  3: ['namespace', 'text'],
  5: ['uid', 'text'],
  6: ['resourceVersion', 'text'],
  8: ['creationTimestamp', 'time'],
  11: ['labels', 'map'],
  12: ['annotations', 'map'],
  13: ['ownerReferences', OWNER, 'repeated'],
};

/** Any object, and `PartialObjectMetadata`: all have their metadata first. */
export const OBJECT: Shape = { 1: ['metadata', META] };

const STATE: Shape = { 3: ['terminated', { 7: ['containerID', 'text'] }] };

const CONTAINER: Shape = {
  1: ['name', 'text'],
  2: ['state', STATE],
  3: ['lastState', STATE],
  5: ['restartCount', 'number'],
  6: ['image', 'text'],
  7: ['imageID', 'text'],
  8: ['containerID', 'text'],
};

const SPEC: Shape = { 1: ['name', 'text'], 2: ['image', 'text'] };

export const POD: Shape = {
  1: ['metadata', META],
  2: [
    'spec',
    {
      2: ['containers', SPEC, 'repeated'],
      10: ['nodeName', 'text'],
      11: ['hostNetwork', 'flag'],
      16: ['hostname', 'text'],
      20: ['initContainers', SPEC, 'repeated'],
    },
  ],
  3: [
    'status',
    {
      1: ['phase', 'text'],
      6: ['podIP', 'text'],
      7: ['startTime', 'time'],
      8: ['containerStatuses', CONTAINER, 'repeated'],
      10: ['initContainerStatuses', CONTAINER, 'repeated'],
      12: ['podIPs', { 1: ['ip', 'text'] }, 'repeated'],
      13: ['ephemeralContainerStatuses', CONTAINER, 'repeated'],
    },
  ],
};

export const ENDPOINT_SLICE: Shape = {
  1: ['metadata', META],
  2: [
    'endpoints',
    {
      1: ['addresses', 'text', 'repeated'],
      2: ['conditions', { 1: ['ready', 'flag'], 2: ['serving', 'flag'], 3: ['terminating', 'flag'] }],
      4: ['targetRef', { 4: ['uid', 'text'] }],
    },
    'repeated',
  ],
};

export const STATUS: Shape = {
  3: ['message', 'text'],
  4: ['reason', 'text'],
  5: ['details', { 5: ['retryAfterSeconds', 'number'] }],
  6: ['code', 'number'],
};

/** A list of any objects. */
export const LIST: Shape = {
  1: ['metadata', { 2: ['resourceVersion', 'text'], 3: ['continue', 'text'] }],
  2: ['items', 'span', 'repeated'],
};

/** `runtime.Unknown`, which every object is wrapped in behind the four bytes `k8s\0`. */
export const UNKNOWN: Shape = { 1: ['typeMeta', { 2: ['kind', 'text'] }], 2: ['raw', 'span'] };

export const WATCH_EVENT: Shape = { 1: ['type', 'text'], 2: ['object', { 1: ['raw', 'span'] }] };
