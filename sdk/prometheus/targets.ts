import type { Resource } from 'bpflow/sdk';
import { type LabelText, targetLabels, targetOf } from './labels.ts';

/** A job and instance that series on the page belong to. */
export interface Target {
  readonly key: string;
  readonly labels: LabelText;
  /** Rows that hold it. */
  holders: number;
}

/** The targets behind the foreign series on the page, for `target_info`. As in the Collector, the first resource of a job and instance speaks for it. */
export class Targets {
  readonly #targets = new Map<string, Target>();
  readonly #keys = new WeakMap<Resource, string>();
  readonly #utf8: boolean;

  constructor(utf8: boolean) {
    this.#utf8 = utf8;
  }

  /** Undefined for a resource that names neither job nor instance. */
  hold(resource: Resource): Target | undefined {
    let key = this.#keys.get(resource);
    if (key === undefined) {
      const { job, instance } = targetOf(resource);
      key = job === undefined && instance === undefined ? '' : JSON.stringify([job, instance]);
      this.#keys.set(resource, key);
    }
    if (key === '') return undefined;
    let target = this.#targets.get(key);
    if (target === undefined) {
      target = { key, labels: targetLabels(resource, this.#utf8), holders: 0 };
      this.#targets.set(key, target);
    }
    target.holders++;
    return target;
  }

  release(target: Target): void {
    target.holders--;
    if (target.holders === 0) this.#targets.delete(target.key);
  }

  /** Sorted by their labels. */
  list(): readonly Target[] {
    return [...this.#targets.values()].sort((a, b) => (a.labels.text < b.labels.text ? -1 : 1));
  }
}
