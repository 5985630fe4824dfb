import type { AttributeSet } from './attribute-set.ts';
import type { Attributes } from './attributes.ts';
import { attributeSet, countAttributes, EMPTY_ATTRIBUTES, trustedAttributes } from './encoded-attributes.ts';
import { readString } from './otlp/any-value.ts';
import { DELIMITED, WireReader, WireWriter } from './otlp/wire.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';

/** A resource of our own. Resource: 1 attributes. */
export function createResource(attributes: Attributes | AttributeSet, schemaUrl = ''): Resource {
  const set = isAttributeSet(attributes) ? attributes : attributeSet(attributes);
  return Object.freeze({ bytes: set.bytes, attributes: set, schemaUrl });
}

/**
 * A foreign resource from its OTLP message; everything in it is kept, and the array itself: copy it before if it is part of
 * a larger one. Throws WireError when it is malformed.
 */
export function resourceFromBytes(bytes: Uint8Array, schemaUrl = '', envelope?: Uint8Array): Resource {
  return Object.freeze({ bytes, attributes: attributesOf(bytes, 1), schemaUrl, ...(envelope && { envelope }) });
}

/** The resource with other attributes; itself when they are equal. What else its message holds is kept. */
export function withResourceAttributes(resource: Resource, attributes: AttributeSet): Resource {
  if (resource.attributes.equals(attributes)) return resource;
  const reader = new WireReader(resource.bytes);
  const writer = new WireWriter(resource.bytes.length + 64);
  writer.raw(attributes.bytes);
  while (!reader.done) {
    const start = reader.position;
    const tag = reader.tag();
    reader.skip(tag);
    if (tag !== 1 * 8 + DELIMITED) writer.raw(resource.bytes.subarray(start, reader.position));
  }
  return Object.freeze({ ...resource, bytes: writer.take(), attributes });
}

/** An instrumentation scope of our own. InstrumentationScope: 1 name, 2 version, 3 attributes. */
export function createScope(
  name: string,
  version = '',
  attributes: Attributes | AttributeSet = EMPTY_ATTRIBUTES,
  schemaUrl = '',
): InstrumentationScope {
  const set = isAttributeSet(attributes) ? attributes : attributeSet(attributes);
  const writer = new WireWriter();
  if (name !== '') writer.string(1, name);
  if (version !== '') writer.string(2, version);
  const reader = new WireReader(set.bytes);
  while (!reader.done) {
    reader.tag();
    const end = reader.delimited();
    writer.bytes(3, set.bytes.subarray(reader.position, end));
    reader.position = end;
  }
  return Object.freeze({ bytes: writer.take(), name, version, attributes: set, schemaUrl });
}

/** A foreign scope from its OTLP message, kept as {@link resourceFromBytes} keeps a resource. Throws WireError. */
export function scopeFromBytes(bytes: Uint8Array, schemaUrl = '', envelope?: Uint8Array): InstrumentationScope {
  const reader = new WireReader(bytes);
  let name = '';
  let version = '';
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 1 * 8 + DELIMITED) name = readString(reader);
    else if (tag === 2 * 8 + DELIMITED) version = readString(reader);
    else reader.skip(tag);
  }
  const attributes = attributesOf(bytes, 3);
  return Object.freeze({ bytes, name, version, attributes, schemaUrl, ...(envelope && { envelope }) });
}

export const EMPTY_RESOURCE: Resource = createResource(EMPTY_ATTRIBUTES);
export const EMPTY_SCOPE: InstrumentationScope = createScope('');

/** The attributes in a message whose field of this number holds them, as a set of their own. */
function attributesOf(bytes: Uint8Array, field: number): AttributeSet {
  const reader = new WireReader(bytes);
  const writer = new WireWriter(bytes.length);
  let others = field !== 1;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field * 8 + DELIMITED) {
      const end = reader.delimited();
      writer.bytes(1, bytes.subarray(reader.position, end));
      reader.position = end;
    } else {
      others = true;
      reader.skip(tag);
    }
  }
  const attributes = others ? writer.take() : bytes;
  return trustedAttributes(attributes, countAttributes(attributes));
}

function isAttributeSet(attributes: Attributes | AttributeSet): attributes is AttributeSet {
  return attributes.bytes instanceof Uint8Array && typeof attributes.toObject === 'function';
}
