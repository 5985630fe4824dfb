import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * A reporter for node:test that writes one line when all is done: passed, failed and skipped tests. What failed, and why,
 * is appended to the file that FAILED_TESTS names.
 */
export default async function* report(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue;
    if (data.skip !== undefined || data.todo !== undefined) counts.skipped += 1;
    else if (type === 'test:pass') counts.passed += 1;
    else {
      counts.failed += 1;
      tell(data);
    }
  }
  yield `${counts.passed} ${counts.failed} ${counts.skipped}\n`;
}

function tell({ name, file, line, details }) {
  if (process.env.FAILED_TESTS === undefined) return;
  const { error } = details;
  const reason = String(error.cause?.stack ?? error.cause ?? error.message)
    .split('\n')
    .slice(0, 20);
  const place = file === undefined ? '' : `${relative('', file)}:${line} `;
  appendFileSync(process.env.FAILED_TESTS, `✖ ${place}${name}\n${reason.map((text) => `    ${text}\n`).join('')}`);
}
