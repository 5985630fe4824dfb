import type { Signal } from '../../../pdata/signals.ts';
import type { QueuedRequest } from './queue.ts';

/** What an exporter is given to send: one request, or several that were joined. */
export interface ExportRequest extends QueuedRequest {
  readonly signal: Signal;
}

/** What became of one attempt. */
export type SendOutcome =
  | {
      readonly kind: 'sent';
      /** Items that the other side took no further, though it answered with success. */
      readonly rejected?: { readonly items: number; readonly message: string };
    }
  | {
      readonly kind: 'retry';
      readonly error: string;
      /** The other side's wish, in ms. */
      readonly afterMs?: number;
    }
  | { readonly kind: 'permanent'; readonly error: string };

/** How a request ended, its retries included. */
export type Delivered =
  | Extract<SendOutcome, { readonly kind: 'sent' }>
  | { readonly kind: 'failed'; readonly why: GivenUp; readonly error: string };

/** Why a request was given up; the reasons under which its items are dropped. */
export type GivenUp = 'permanent' | 'retries_exhausted' | 'shutdown';

/** Bytes of an error of another machine that go into ours. */
export const MAX_ERROR_LENGTH = 2048;

/** A text of another machine, cut where it is long. */
export function bounded(text: string): string {
  return text.length <= MAX_ERROR_LENGTH ? text : `${text.slice(0, MAX_ERROR_LENGTH)}…`;
}
