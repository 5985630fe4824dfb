import { asError } from '../../sdk/errors.ts';
import { withoutPasswords } from '../redact.ts';

/** What the user is told. Errors that were made for him are his message; anything else is a defect and comes with its stack. */
export function describeError(thrown: unknown): string {
  const error = asError(thrown);
  return withoutPasswords(FOR_USERS.has(error.name) ? error.message : (error.stack ?? error.message));
}

const FOR_USERS: ReadonlySet<string> = new Set(['PipelineError', 'PipelineErrors', 'ConfigError', 'StartError']);
