import { asError } from '../errors.ts';
import { ApiError } from './api-error.ts';
import type { ApiList, ApiObject, ApiStatus } from './api-objects.ts';
import { readProtobuf, type Span } from './protobuf.ts';
import { LIST, OBJECT, type Shape, STATUS, UNKNOWN, WATCH_EVENT } from './shapes.ts';

/** How the server writes its answers. */
export type Encoding = 'protobuf' | 'json';

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: ApiObject }
  | { readonly type: 'ERROR'; readonly object: ApiStatus };

/** What a resource is asked as: the objects whole, or their metadata only. Protobuf is taken where the server has it. */
export function acceptOf(of: 'object' | 'list', metadataOnly: boolean, encodings: readonly Encoding[]): string {
  const as = `;as=PartialObjectMetadata${of === 'list' ? 'List' : ''};g=meta.k8s.io;v=v1`;
  return encodings.map((each) => `${MEDIA_TYPES[each]}${metadataOnly ? as : ''}`).join(',');
}

const MEDIA_TYPES = { protobuf: 'application/vnd.kubernetes.protobuf', json: 'application/json' } as const;

/** From the header Content-Type. Undefined for what cannot be read. */
export function encodingOf(contentType: string): Encoding | undefined {
  if (contentType.startsWith(MEDIA_TYPES.protobuf)) return 'protobuf';
  return contentType.startsWith(MEDIA_TYPES.json) ? 'json' : undefined;
}

/** One event of a watch. Throws ApiError for what is none. */
export function readEvent<T extends ApiObject>(encoding: Encoding, bytes: Buffer, shape: Shape): WatchEvent<T> {
  const event = decoded(() => (encoding === 'json' ? parse(bytes) : protobufEvent(bytes, shape))) as WatchEvent<T>;
  if (typeof event?.type !== 'string' || typeof event.object !== 'object' || event.object === null) {
    throw new ApiError('malformed', 'An event of the watch has no type or no object.');
  }
  return event;
}

/** A list, or a page of one. */
export interface ReadList<T> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  /** Each is read when it is asked for, while the bytes are as they are; throws ApiError. */
  readonly items: readonly (() => T)[];
}

export function readList<T extends ApiObject>(encoding: Encoding, bytes: Buffer, shape: Shape): ReadList<T> {
  if (encoding === 'json') {
    const { metadata, items } = decoded(() => Object(parse(bytes))) as ApiList<T>;
    if (!Array.isArray(items ?? [])) throw new ApiError('malformed', 'The items of the list are none.');
    return { metadata: metadata ?? {}, items: (items ?? []).map((item) => () => item) };
  }
  const list = decoded(() => unwrapped(bytes, whole(bytes), LIST)) as SpanList;
  const read = (span: Span) => decoded(() => readProtobuf(bytes, shape, span)) as T;
  return { metadata: list.metadata ?? {}, items: (list.items ?? []).map((span) => () => read(span)) };
}

type SpanList = Partial<Pick<ReadList<never>, 'metadata'>> & { readonly items?: readonly Span[] };

export function readObject(encoding: Encoding, bytes: Buffer): ApiObject {
  return decoded(() => (encoding === 'json' ? parse(bytes) : unwrapped(bytes, whole(bytes), OBJECT))) as ApiObject;
}

/** The status in the body of a failure; empty for a body that is none, as from a proxy. */
export function readStatus(contentType: string, bytes: Buffer): ApiStatus {
  try {
    const encoding = encodingOf(contentType);
    if (encoding === undefined) return {};
    const status = encoding === 'json' ? parse(bytes) : unwrapped(bytes, whole(bytes), STATUS);
    return typeof status === 'object' && status !== null ? (status as ApiStatus) : {};
  } catch {
    return {};
  }
}

function decoded(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw new ApiError('malformed', `The answer cannot be read: ${asError(error).message}`, { cause: error });
  }
}

function parse(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}

function protobufEvent(bytes: Buffer, shape: Shape): unknown {
  const { type, object } = readProtobuf(bytes, WATCH_EVENT) as { type?: string; object?: { raw?: Span } };
  if (object?.raw === undefined) return undefined;
  return { type, object: unwrapped(bytes, object.raw, type === 'ERROR' ? STATUS : shape) };
}

/** An object behind `k8s\0` and its envelope. */
function unwrapped(bytes: Buffer, { start, end }: Span, shape: Shape): object {
  if (end - start < MAGIC || bytes.readUInt32BE(start) !== 0x6b387300) throw new Error('k8s\\0 is missing');
  const { raw } = readProtobuf(bytes, UNKNOWN, { start: start + MAGIC, end }) as { raw?: Span };
  return raw === undefined ? {} : readProtobuf(bytes, shape, raw);
}

const MAGIC = 4;

function whole(bytes: Buffer): Span {
  return { start: 0, end: bytes.length };
}
