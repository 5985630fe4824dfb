import { request } from 'node:http';
import { asError } from '../../sdk/errors.ts';
import { adminErrors } from '../errors.ts';

/** What a running agent's admin socket answers to a GET. Throws a PipelineError when nobody answers, or not with what was asked for. */
export async function askAgent(socketPath: string, path: string): Promise<unknown> {
  const { status, text } = await get(socketPath, path).catch((thrown: unknown) => {
    throw adminErrors.noAnswer(socketPath, asError(thrown));
  });
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (thrown) {
    throw adminErrors.noAnswer(socketPath, asError(thrown));
  }
  if (status !== 200) throw adminErrors.refused(path, (answer as { error?: string }).error ?? `status ${status}`);
  return answer;
}

function get(socketPath: string, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS }, async (response) => {
      let text = '';
      try {
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({ status: response.statusCode ?? 0, text });
      } catch (error) {
        reject(error);
      }
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    asked.once('error', reject);
    asked.end();
  });
}

const TIMEOUT_MS = 5_000;
