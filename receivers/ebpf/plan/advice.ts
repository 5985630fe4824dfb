import { BpfError } from 'bpflow/sdk';

/** A failure with what to do about it. */
export function adviceOf(error: Error): string {
  if (!(error instanceof BpfError)) return error.message;
  switch (error.code) {
    case 'load':
    case 'attach':
    case 'map':
      if (error.errno === 'EPERM') {
        return `Permission denied (${error.message}): run as root, or give the agent CAP_BPF and CAP_PERFMON.`;
      }
      return `Program load failed (${error.message}): this kernel may be too old or built without what BPF needs.`;
    default:
      return error.message;
  }
}
