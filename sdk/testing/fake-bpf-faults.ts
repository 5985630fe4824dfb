import { BpfError, type BpfErrorCode } from '../bpf.ts';

/** What the kernel shall refuse. */
export interface Fault {
  /** `open`, `load`, `map_create`, `attach`, `iterate`, `test_run`, `info`, `read`, `lookup`, `update`, `delete`, `ring`, `drain`, `pin`, `try_lock`, `enable_stats`, `drop_capabilities`. */
  readonly operation: string;
  /** The program, map or object concerned; any without. */
  readonly subject?: string;
  readonly code?: BpfErrorCode;
  /** Default: EINVAL. */
  readonly errno?: string;
  readonly verifierLog?: string;
  /** How often. Default: always. */
  readonly times?: number;
}

const CODES: Readonly<Record<string, BpfErrorCode>> = {
  open: 'bad_object',
  load: 'load',
  map_create: 'map',
  attach: 'attach',
};

/** Faults to inject, and the operations that were done, in order: `attach sys_exit`. */
export class Faults {
  readonly calls: string[] = [];
  #pending: { readonly fault: Fault; left: number }[] = [];

  inject(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#pending = [];
  }

  /** Notes the operation; throws when it shall fail. */
  enter(operation: string, subject: string): void {
    this.calls.push(`${operation} ${subject}`);
    const hit = this.#pending.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && (fault.subject ?? subject) === subject,
    );
    if (hit === undefined) return;
    hit.left--;
    const { errno = 'EINVAL', verifierLog } = hit.fault;
    throw new BpfError(`${operation} of ${subject} failed: ${errno}.`, {
      code: hit.fault.code ?? CODES[operation] ?? 'system',
      errno,
      operation,
      subject,
      verifierLog,
    });
  }
}

export function misuse(operation: string, subject: string, problem: string): BpfError {
  return new BpfError(`${operation}: ${problem}.`, { code: 'misuse', operation, subject });
}

/** A handle that can be closed twice and not used afterwards. */
export class FakeHandle {
  readonly subject: string;
  #closed = false;
  readonly #onClose: () => void;

  constructor(subject: string, onClose: () => void = () => {}) {
    this.subject = subject;
    this.#onClose = onClose;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Throws `closed` once the handle is. */
  use(operation: string): void {
    if (!this.#closed) return;
    throw new BpfError(`${operation}: ${this.subject} is closed.`, {
      code: 'closed',
      operation,
      subject: this.subject,
    });
  }
}
