import type { ContainerFacts } from 'bpflow/sdk';

export interface Image {
  /** Repository, without tag and digest. */
  readonly name: string;
  /** Empty for an image that was asked for by digest alone. */
  readonly tag: string;
  /** `repository@sha256:…`; empty for an image that was never in a repository. */
  readonly digest: string;
}

/** Parts of an image's reference: `registry:5000/team/app:1.2@sha256:…`. Without a tag and digest it is `latest`. */
export function imageOf({ image, imageId }: Pick<ContainerFacts, 'image' | 'imageId'>): Image {
  const [reference = '', digest] = image.split('@', 2);
  const colon = reference.lastIndexOf(':');
  const hasTag = colon > reference.lastIndexOf('/');
  const name = hasTag ? reference.slice(0, colon) : reference;
  const tag = hasTag ? reference.slice(colon + 1) : digest === undefined && name !== '' ? 'latest' : '';
  const pulled = imageId.replace(/^[a-z-]+:\/\//, '');
  return { name, tag, digest: /^[^@]+@[a-z0-9]+:[0-9a-f]+$/.test(pulled) ? pulled : '' };
}
