import { countItems, type LogBatch, mapResources, type SpanBatch, selectLogs, selectSpans } from 'bpflow/sdk';
import { REASONS } from './finding.ts';
import type { Outcome } from './outcome.ts';
import { resultOf, type Subject, type Subjects } from './subjects.ts';

type RowBatch = LogBatch | SpanBatch;

/**
 * Names the resources of log records and spans. A batch that is still the bytes it came in is not decoded, unless some of it has
 * to be held or only some of it gets names.
 */
export function enrichRows<B extends RowBatch>(subjects: Subjects, batch: B, peer: string): Outcome<B> {
  const seen = new Set<Subject>();
  const named = mapResources(batch, (resource) => {
    const subject = subjects.of(resource, peer);
    seen.add(subject);
    return resultOf(subject, resource);
  });
  const reasons = new Uint32Array(REASONS.length + 1);
  const done = { created: 0, reasons, commit: () => {} };
  const [first] = seen;
  if (first !== undefined && [...seen].every((subject) => alike(subject, first))) {
    const items = countItems(batch);
    if (first.waiting) return { ...done, pass: undefined, held: batch, heldItems: items };
    reasons[numberOf(first)] = items;
    return { ...done, pass: named, held: undefined, heldItems: 0 };
  }
  const ofResource = batch.resources.map((resource) => subjects.of(resource, peer));
  for (const index of batch.resource) {
    const subject = ofResource[index]!;
    if (!subject.waiting) reasons[numberOf(subject)]!++;
  }
  if (!ofResource.some(({ waiting }) => waiting)) return { ...done, pass: named, held: undefined, heldItems: 0 };
  const held = select(batch, (row) => ofResource[batch.resource[row]!]!.waiting);
  const pass = select(batch, (row) => !ofResource[batch.resource[row]!]!.waiting);
  return {
    ...done,
    pass: pass && mapResources(pass, (resource) => resultOf(subjects.of(resource, peer), resource)),
    held,
    heldItems: held?.length ?? 0,
  };
}

function select<B extends RowBatch>(batch: B, verdict: (row: number) => boolean): B | undefined {
  return (batch.signal === 'logs' ? selectLogs(batch, verdict) : selectSpans(batch, verdict)) as B | undefined;
}

function alike(a: Subject, b: Subject): boolean {
  return a.waiting === b.waiting && (a.waiting || a.reason === b.reason);
}

/** 0 with names, else the reason's number + 1. */
function numberOf({ reason }: Subject): number {
  return reason === undefined ? 0 : REASONS.indexOf(reason) + 1;
}
