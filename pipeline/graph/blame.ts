import { asError, PermanentError, RetryableError } from '../../sdk/errors.ts';
import type { ComponentId } from '../../sdk/scope.ts';
import { fromPlugin, label } from '../errors.ts';

const blamed = new WeakSet<Error>();

/**
 * What a component threw, as a consume error that names the component. Errors that passed through from a later component
 * name that one already and stay as they are. Anything that is no consume error is permanent: a defect does not go away by trying again.
 */
export function blame(id: ComponentId, plugin: string, thrown: unknown): RetryableError | PermanentError {
  const error = asError(thrown);
  if (blamed.has(error)) return error as RetryableError | PermanentError;
  const message = `${label(id)}${fromPlugin(plugin)}: ${error.message}`;
  const named = isRetryable(error)
    ? new RetryableError(message, {
        cause: error,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      })
    : new PermanentError(message, { cause: error });
  blamed.add(named);
  return named;
}

/** By name, so that a plugin which carries a copy of the SDK is understood too. */
export function isRetryable(error: Error): error is RetryableError {
  return error instanceof RetryableError || error.name === 'RetryableError';
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
