import { Buffer } from 'node:buffer';
import type { Resource } from 'bpflow/sdk';
import type { Finder, Finding, Reason } from './finding.ts';

/** Who or what data is about: a resource as it came, and what it becomes. */
export interface Subject {
  readonly resource: Resource;
  readonly hint: string;
  /** What the resource becomes. */
  result: Resource;
  /** Why it has no names; undefined when it has. */
  reason: Reason | undefined;
  /** Names may come, and its data is held until then. */
  waiting: boolean;
  /** Grows when one of these changes. */
  version: number;
  keys: readonly string[];
  /** When it was first seen, ms of the monotonic clock. */
  readonly sinceMs: number;
}

/** Subjects that are known at a time. When there are more all are forgotten: those in use come back one by one. */
const MAX_SUBJECTS = 65_536;

export interface SubjectsOptions {
  readonly finder: Finder;
  /** Whether data may be held at all. */
  readonly mayWait: boolean;
  readonly nowMs: () => number;
}

/**
 * Every subject once, found by the resource's object or else by its content, and found anew when something it depends on
 * changes.
 *
 *     resource ──▶ subject ──▶ what it becomes
 *                     ▲
 *     key (`uid:…`) ──┘ on a change of the pod
 */
export class Subjects {
  /** Grows when any subject changes. */
  epoch = 0;
  readonly #options: SubjectsOptions;
  #byResource = new WeakMap<Resource, Subject>();
  #byContent = new Map<string, Subject>();
  #byKey = new Map<string, Set<Subject>>();
  readonly #waiting = new Set<Subject>();

  constructor(options: SubjectsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byContent.size;
  }

  /** Subjects whose data is held, those that have waited longest first. */
  get waiting(): ReadonlySet<Subject> {
    return this.#waiting;
  }

  of(resource: Resource, hint: string): Subject {
    if (hint !== '') return this.#ofContent(resource, hint);
    let subject = this.#byResource.get(resource);
    if (subject === undefined) {
      subject = this.#ofContent(resource, hint);
      this.#byResource.set(resource, subject);
    }
    return subject;
  }

  /** Something is known anew of what these keys name. Whether any subject that waited does so no longer. */
  changed(keys: Iterable<string>): boolean {
    const waitedBefore = this.#waiting.size;
    for (const key of keys) {
      for (const subject of [...(this.#byKey.get(key) ?? [])]) this.#refresh(subject);
    }
    return this.#waiting.size < waitedBefore;
  }

  /** Its data passes as it is from now on, unless names come after all. Without a reason: that of the finding. */
  giveUp(subject: Subject, reason?: Reason): void {
    if (!subject.waiting) return;
    const finding = this.#options.finder.find(subject.resource, subject.hint);
    this.#register(subject, finding.keys);
    subject.result = finding.resource;
    subject.reason = finding.reason && finding.mayCome ? (reason ?? finding.reason) : finding.reason;
    this.#settle(subject);
  }

  #ofContent(resource: Resource, hint: string): Subject {
    const key = [hint, resource.schemaUrl, textOf(resource.envelope), textOf(resource.bytes)].join('\0');
    let subject = this.#byContent.get(key);
    if (subject === undefined) {
      if (this.#byContent.size >= MAX_SUBJECTS) this.#forget();
      subject = this.#create(resource, hint);
      this.#byContent.set(key, subject);
    }
    return subject;
  }

  #create(resource: Resource, hint: string): Subject {
    const { finder, mayWait, nowMs } = this.#options;
    const { mayCome, ...finding } = finder.find(resource, hint);
    const waiting = mayCome && mayWait;
    const found = { result: finding.resource, reason: finding.reason, keys: finding.keys };
    const subject: Subject = { resource, hint, ...found, waiting, version: 1, sinceMs: nowMs() };
    if (waiting) this.#waiting.add(subject);
    this.#register(subject, finding.keys);
    return subject;
  }

  #refresh(subject: Subject): void {
    const finding = this.#options.finder.find(subject.resource, subject.hint);
    this.#register(subject, finding.keys);
    if (finding.mayCome && subject.waiting) return;
    const reason = finding.mayCome && finding.reason === 'not_found' ? (subject.reason ?? 'not_found') : finding.reason;
    if (!subject.waiting && reason === subject.reason && sameResource(finding, subject)) return;
    // Names that were given stay when what they came from is gone: the data that still comes is of the same pod.
    const isGone = finding.reason === 'not_found' || finding.reason === 'not_synced';
    if (!subject.waiting && subject.reason === undefined && isGone) return;
    subject.reason = reason;
    if (!sameResource(finding, subject)) subject.result = finding.resource;
    this.#settle(subject);
  }

  #settle(subject: Subject): void {
    subject.waiting = false;
    this.#waiting.delete(subject);
    subject.version++;
    this.epoch++;
  }

  #register(subject: Subject, keys: readonly string[]): void {
    for (const key of subject.keys) if (!keys.includes(key)) this.#unregister(subject, key);
    for (const key of keys) {
      const subjects = this.#byKey.get(key);
      if (subjects === undefined) this.#byKey.set(key, new Set([subject]));
      else subjects.add(subject);
    }
    subject.keys = keys;
  }

  #unregister(subject: Subject, key: string): void {
    const subjects = this.#byKey.get(key);
    subjects?.delete(subject);
    if (subjects?.size === 0) this.#byKey.delete(key);
  }

  /** Those whose data is held stay. */
  #forget(): void {
    const kept = [...this.#byContent].filter(([, { waiting }]) => waiting);
    for (const { waiting } of this.#byContent.values()) if (!waiting) this.epoch++;
    for (const subject of this.#byContent.values()) if (!subject.waiting) subject.version++;
    this.#byResource = new WeakMap();
    this.#byContent = new Map(kept);
    this.#byKey = new Map();
    for (const [, subject] of kept) this.#register(subject, subject.keys);
  }
}

/** What a resource of this subject becomes: itself when nothing is added. */
export function resultOf({ resource, result }: Subject, instance: Resource): Resource {
  return result === resource ? instance : result;
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined || bytes.length === 0
    ? ''
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function sameResource({ resource }: Finding, { result }: Subject): boolean {
  if (resource === result) return true;
  return resource.schemaUrl === result.schemaUrl && Buffer.compare(resource.bytes, result.bytes) === 0;
}
