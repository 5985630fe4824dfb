import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutPasswords } from './redact.ts';

test('passwords in URLs are left out, and nothing else', () => {
  const cases: Readonly<Record<string, string>> = {
    'http://u:p@h:1/x': 'http://u:[REDACTED]@h:1/x',
    'Post "https://u:p%40@h/v1": refused; then socks5://:p@q@[::1]:2':
      'Post "https://u:[REDACTED]@h/v1": refused; then socks5://:[REDACTED]@[::1]:2',
    'http://u@h/': 'http://u@h/',
    'http://h:80/a@b': 'http://h:80/a@b',
    'http://h:80 and me@example.org': 'http://h:80 and me@example.org',
    '{"url":"http://h:80","to":"me@example.org"}': '{"url":"http://h:80","to":"me@example.org"}',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(withoutPasswords(text), expected);
  const long = `${'://'.repeat(20_000)}@`;
  assert.equal(withoutPasswords(long), long);
});
