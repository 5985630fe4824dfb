import { fields } from './message-fields.ts';

/** One end of a flow, as the agent knows it. The same object comes for the same bytes while it is remembered. */
export interface Endpoint {
  /** Differs between all endpoints that this process has met; 0 for none. */
  readonly id: number;
  readonly identity: number;
  readonly cluster: string;
  readonly namespace: string;
  /** Read out of the bytes each time. */
  readonly pod: string;
  /** Read out of the bytes each time. */
  readonly labels: readonly string[];
  /** The first label that begins with `reserved:`; empty for pods. */
  readonly reserved: string;
  /** Of the first workload; set by agents for pods of their own node only. */
  readonly workload: string;
  readonly workloadKind: string;
}

export const NO_ENDPOINT: Endpoint = Object.freeze({
  id: 0,
  identity: 0,
  cluster: '',
  namespace: '',
  pod: '',
  labels: [],
  reserved: '',
  workload: '',
  workloadKind: '',
});

/** Labels of one endpoint that are kept. */
const MAX_LABELS = 128;
const RESERVED = 'reserved:';

/**
 * An endpoint that lies in memory as it came: its pod and its labels, which are asked for once or never, are made when they are.
 * With 10,000 pods of eight labels that is 10 MiB less than to hold all of them.
 */
export class StoredEndpoint implements Endpoint {
  readonly id: number;
  readonly hash: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly identity: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly reserved: string;
  readonly workload: string;
  readonly workloadKind: string;

  /**
   * `bytes` must stay as they are. `texts` gives the one string that stands for all equal ones. Throws WireError.
   *
   * Endpoint: 2 identity, 3 namespace, 4 labels, 5 pod_name, 6 workloads { 1 name, 2 kind }, 7 cluster_name.
   */
  constructor(id: number, hash: number, bytes: Buffer, start: number, end: number, texts: (text: string) => string) {
    this.id = id;
    this.hash = hash;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    let identity = 0;
    let cluster = '';
    let namespace = '';
    let reserved = '';
    let labels = 0;
    let workload: readonly [string, string] | undefined;
    for (const field of fields(bytes, start, end)) {
      const { number } = field;
      if (!field.delimited) {
        if (number === 2) identity = field.value;
        continue;
      }
      const text = (): string => texts(bytes.toString('utf8', field.start, field.end));
      if (number === 3) namespace = text();
      else if (number === 4 && ++labels <= MAX_LABELS) {
        if (reserved === '' && beginsWith(bytes, field.start, field.end, RESERVED)) reserved = text();
      } else if (number === 6) workload ??= pair(bytes, field.start, field.end);
      else if (number === 7) cluster = text();
    }
    this.identity = identity;
    this.cluster = cluster;
    this.namespace = namespace;
    this.reserved = reserved;
    this.workload = workload === undefined ? '' : texts(workload[0]);
    this.workloadKind = workload === undefined ? '' : texts(workload[1]);
  }

  get pod(): string {
    let pod = '';
    for (const { number, delimited, start, end } of fields(this.bytes, this.start, this.end)) {
      if (number === 5 && delimited) pod = this.bytes.toString('utf8', start, end);
    }
    return pod;
  }

  get labels(): readonly string[] {
    const labels: string[] = [];
    for (const { number, delimited, start, end } of fields(this.bytes, this.start, this.end)) {
      if (number === 4 && delimited && labels.length < MAX_LABELS) labels.push(this.bytes.toString('utf8', start, end));
    }
    return labels;
  }
}

function beginsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** A message of two strings, 1 and 2. */
function pair(bytes: Buffer, start: number, end: number): readonly [string, string] {
  let first = '';
  let second = '';
  for (const field of fields(bytes, start, end)) {
    if (!field.delimited) continue;
    if (field.number === 1) first = bytes.toString('utf8', field.start, field.end);
    else if (field.number === 2) second = bytes.toString('utf8', field.start, field.end);
  }
  return [first, second];
}
