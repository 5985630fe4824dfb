import { join } from 'node:path';
import protobuf from 'protobufjs';

/** The own description of Hubble's messages, read by protobufjs: writes what the tests let the receiver read, and reads what it writes. */
const root = protobuf.loadSync(join(import.meta.dirname, '..', 'hubble.proto'));

/** A message in the form of protobufjs, with the names of the .proto as they are. */
export type Message = Readonly<Record<string, unknown>>;

/** Bytes of a message of this type (`GetFlowsResponse`). */
export function encode(type: string, message: Message): Uint8Array {
  const schema = root.lookupType(`observer.${type}`);
  return schema.encode(schema.fromObject(camel(message) as Record<string, unknown>)).finish();
}

/** A message as an object, with defaults left out. */
export function decode(type: string, bytes: Uint8Array): Record<string, unknown> {
  const schema = root.lookupType(`observer.${type}`);
  return schema.toObject(schema.decode(bytes), { longs: Number }) as Record<string, unknown>;
}

/** A response with one flow. */
export function flowMessage(flow: Message): Uint8Array {
  return encode('GetFlowsResponse', { flow: { time: { seconds: 1000 }, node_name: 'node-a', ...flow } });
}

/** protobufjs knows fields in camel case. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camel(inner),
    ]),
  );
}

/** Endpoints of two pods. */
export const frontend: Message = {
  ID: 101,
  identity: 11001,
  namespace: 'shop',
  labels: ['k8s:app=frontend', 'k8s:io.kubernetes.pod.namespace=shop'],
  pod_name: 'frontend-7d9fb6c5d4-abcde',
  workloads: [{ name: 'frontend', kind: 'Deployment' }],
  cluster_name: 'demo',
};
export const cart: Message = {
  ID: 102,
  identity: 11002,
  namespace: 'shop',
  labels: ['k8s:app=cart'],
  pod_name: 'cart-6c5b7f8d9b-fghij',
  workloads: [{ name: 'cart', kind: 'Deployment' }],
};
/** A pod of another node: its workload is not told. */
export const payments: Message = {
  identity: 11006,
  namespace: 'shop',
  labels: ['k8s:app=payments'],
  pod_name: 'payments-66d4bd9c5f-uvwxy',
};
