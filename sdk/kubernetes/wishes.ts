import type { FieldWish, KubernetesObjectKind, KubernetesWishes } from '../kubernetes.ts';

/** Which labels and annotations of one kind of object are kept. */
export interface Selection {
  label(key: string): boolean;
  annotation(key: string): boolean;
}

/** What all consumers need, together. */
export class Wishes {
  readonly #wishes = new Set<KubernetesWishes>();
  #fingerprint = '';

  /** Whether that is something new; it ends with the call of what is returned. */
  add(wishes: KubernetesWishes): { readonly isNew: boolean; readonly end: () => void } {
    const own = { ...wishes };
    this.#wishes.add(own);
    const fingerprint = this.#print();
    const isNew = fingerprint !== this.#fingerprint;
    this.#fingerprint = fingerprint;
    return {
      isNew,
      end: () => {
        // What is kept already stays; it is left out at the next list.
        this.#wishes.delete(own);
        this.#fingerprint = this.#print();
      },
    };
  }

  selection(of: FieldWish['from']): Selection {
    const labels = this.#keys('labels', of);
    const annotations = this.#keys('annotations', of);
    return { label: keyTest(labels), annotation: keyTest(annotations) };
  }

  /** Whether anything of this kind is needed. */
  has(kind: KubernetesObjectKind): boolean {
    for (const { objects = [], labels = [], annotations = [] } of this.#wishes) {
      if (objects.includes(kind) || [...labels, ...annotations].some(({ from }) => from === kind)) return true;
    }
    return false;
  }

  #keys(what: 'labels' | 'annotations', of: FieldWish['from']): readonly FieldWish[] {
    return [...this.#wishes].flatMap((wish) => (wish[what] ?? []).filter(({ from }) => from === of));
  }

  #print(): string {
    const parts = new Set<string>();
    for (const { objects = [], labels = [], annotations = [] } of this.#wishes) {
      for (const kind of objects) parts.add(kind);
      for (const { from, key, key_regex } of labels) parts.add(JSON.stringify(['label', from, key, key_regex]));
      for (const { from, key, key_regex } of annotations)
        parts.add(JSON.stringify(['annotation', from, key, key_regex]));
    }
    return [...parts].sort().join('\n');
  }
}

function keyTest(wishes: readonly FieldWish[]): (key: string) => boolean {
  const keys = new Set(wishes.map(({ key }) => key).filter((key) => key !== ''));
  const expressions = [...new Set(wishes.map(({ key_regex }) => key_regex))].filter((text) => text !== '');
  const compiled = expressions.map((text) => new RegExp(`^(?:${text})$`, 'u'));
  return (key) => keys.has(key) || compiled.some((expression) => expression.test(key));
}
