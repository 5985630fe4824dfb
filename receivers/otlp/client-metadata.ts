import type { ClientMetadata, RequestHeaders } from 'bpflow/sdk';

/** Headers of a request as metadata, by lower-case name; `host` is what HTTP/2 calls the authority, too. */
export function metadataOf(headers: RequestHeaders): ClientMetadata {
  const metadata = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || (name.startsWith(':') && name !== AUTHORITY)) continue;
    const key = name === AUTHORITY ? 'host' : name;
    if (key !== name && metadata.has(key)) continue;
    metadata.set(key, typeof value === 'string' ? [value] : value);
  }
  return metadata;
}

const AUTHORITY = ':authority';
