import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUser, userRanges } from './users.ts';

const passwd = () => 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nbroken:x::\n';

test('users are numbers, ranges of them, and names', () => {
  for (const user of ['0', '1000', '1000-1999', '4294967294', 'root', 'www-data', '_apt', 'svc.one$'])
    assert.ok(isUser(user), user);
  for (const user of ['', '-1', '9-3', '4294967295', '0x10', '12a', '1-', 'a b', 'a:b', '1,2', '-x'])
    assert.ok(!isUser(user), user);
});

test('ranges are sorted, and joined where they touch', () => {
  assert.deepEqual(userRanges(['1000-1999', 'www-data', '0', '2000', '1500', '5-7'], passwd), [
    { first: 0, last: 0 },
    { first: 5, last: 7 },
    { first: 33, last: 33 },
    { first: 1000, last: 2000 },
  ]);
  assert.deepEqual(userRanges([], passwd), []);
});

test('a user that nobody knows is told by name, and so are too many', () => {
  assert.throws(() => userRanges(['alice'], passwd), /user_filter: there is no user "alice" in \/etc\/passwd/);
  assert.throws(() => userRanges(['broken'], passwd), /no user "broken"/);
  const many = Array.from({ length: 33 }, (_, i) => String(i * 2));
  assert.throws(() => userRanges(many, passwd), /33 ranges of users, and at most 32/);
});
