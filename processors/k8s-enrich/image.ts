import type { ContainerFacts } from 'bpflow/sdk';

export interface Image {
  /** Repository, without tag and digest. */
  readonly name: string;
  /** `latest` where none is said. */
  readonly tag: string;
  /** What the reference says of its version: `1.2`, `sha256:…`, `1.2@sha256:…`; empty where it says nothing. */
  readonly version: string;
  /** `repository@sha256:…`; empty for an image that was never in a repository. */
  readonly digest: string;
}

/** Parts of an image's reference: `registry:5000/team/app:1.2@sha256:…`. */
export function imageOf({ image, imageId }: Pick<ContainerFacts, 'image' | 'imageId'>): Image {
  const [reference = '', digest] = image.split('@', 2);
  const colon = reference.lastIndexOf(':');
  const hasTag = colon > reference.lastIndexOf('/');
  const name = hasTag ? reference.slice(0, colon) : reference;
  const tag = hasTag ? reference.slice(colon + 1) : '';
  const pulled = imageId.replace(/^[a-z-]+:\/\//, '');
  const version = [tag, digest ?? ''].filter((part) => part !== '').join('@');
  return {
    name,
    tag: tag || (name === '' ? '' : 'latest'),
    version,
    digest: /^[^@]+@[a-z0-9]+:[0-9a-f]+$/.test(pulled) ? pulled : '',
  };
}
