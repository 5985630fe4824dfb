import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { CLIENT_AUTH, type Component, SERVER_AUTH } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { basicAuthConfig } from './config.ts';
import { parseHtpasswd } from './htpasswd.ts';
import spec from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-auth-'));
after(() => rmSync(folder, { recursive: true }));

function extension(config: unknown): { readonly scope: FakeScope; readonly component: Component } {
  const scope = fakeScope('extension', 'basic_auth');
  return { scope, component: spec.create(basicAuthConfig.parse(config), scope) };
}

const header = (user: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('a server lets in', () => {
  const entries: Readonly<Record<string, string>> = {
    plain: 'secret word',
    sha1: '{SHA}PDUC6jG3V40qqE4XqHRFLkyoMVM=',
    apr1: '$apr1$abcdefgh$sAT51V/DnRGRtxDJCf7lm/',
    bcrypt: '$2y$04$bGCxPPvBLc7Q83Qk28Hafe1/FquI9ijKoHUPKJcPswCOrFYqGzjOG',
  };
  for (const [kind, hash] of Object.entries(entries)) {
    test(`who knows the password of a ${kind} entry`, async () => {
      const auth = extension({ htpasswd: { inline: `user:${hash}` } }).scope.get(SERVER_AUTH);
      await auth.authenticate(header('user', 'secret word'));
      await auth.authenticate(header('user', 'secret word'));
      await assert.rejects(async () => auth.authenticate(header('user', 'secret')), {
        name: 'AuthError',
        message: 'invalid user name or password',
      });
      await assert.rejects(async () => auth.authenticate(header('other', 'secret word')), { name: 'AuthError' });
    });
  }

  test('nobody without a header, or with one that is no basic auth', async () => {
    const auth = extension({ htpasswd: { inline: 'a:b' } }).scope.get(SERVER_AUTH);
    await assert.rejects(async () => auth.authenticate({}), { message: 'no basic auth provided' });
    await assert.rejects(async () => auth.authenticate({ authorization: 'Bearer x' }), {
      message: 'invalid authorization format',
    });
    await assert.rejects(async () => auth.authenticate({ authorization: 'Basic eA==' }), {
      message: 'invalid authorization format',
    });
  });

  test('whom its file names, also after it has changed', async () => {
    const file = join(folder, 'htpasswd');
    writeFileSync(file, '# users\na:one\n');
    const { scope, component } = extension({ htpasswd: { file } });
    await component.start?.();
    const auth = scope.get(SERVER_AUTH);
    await auth.authenticate(header('a', 'one'));
    writeFileSync(file, 'b:two and more\n');
    scope.clock.advance(5000);
    await auth.authenticate(header('b', 'two and more'));
    await assert.rejects(async () => auth.authenticate(header('a', 'one')), { name: 'AuthError' });
    writeFileSync(file, 'not an entry\n');
    scope.clock.advance(5000);
    await auth.authenticate(header('b', 'two and more'));
    const complaints = scope.logs.filter(({ level }) => level === 'error');
    assert.equal(complaints.length, 1);
    assert.equal(complaints[0]!.fields!['error'], 'htpasswd.file: line 1 is not user:hash');
    await component.stop?.();
  });
});

test('a client presents name and password, of files when it has them', async () => {
  const inline = extension({ client_auth: { username: 'me', password: 'pass' } });
  assert.deepEqual(await inline.scope.get(CLIENT_AUTH).headers(), header('me', 'pass'));
  const nameless = extension({ client_auth: { password: 'token' } });
  assert.deepEqual(await nameless.scope.get(CLIENT_AUTH).headers(), header('', 'token'));
  const file = join(folder, 'password');
  writeFileSync(file, 'first\n');
  const { scope, component } = extension({ client_auth: { username: 'me', password_file: file } });
  await component.start?.();
  assert.deepEqual(await scope.get(CLIENT_AUTH).headers(), header('me', 'first'));
  writeFileSync(file, 'the second\n');
  scope.clock.advance(5000);
  assert.deepEqual(await scope.get(CLIENT_AUTH).headers(), header('me', 'the second'));
  await component.stop?.();
});

test('what cannot be checked is refused at the start, and never shown', async () => {
  assert.throws(() => parseHtpasswd('a:$6$salt$hash'), {
    name: 'SyntaxError',
    message: 'line 1 has a kind of hash that is not supported: make it with htpasswd -B (bcrypt)',
  });
  assert.throws(() => extension({ htpasswd: { inline: 'secret without colon' } }), {
    name: 'StartError',
    message: 'htpasswd.inline: line 1 is not user:hash',
  });
  await assert.rejects(async () => extension({ htpasswd: { file: join(folder, 'none') } }).component.start?.(), {
    name: 'StartError',
    message: /^cannot read htpasswd.file: ENOENT/,
  });
});

test('guessing passwords takes a bounded part of the CPU', async () => {
  const inline = 'user:$2y$04$bGCxPPvBLc7Q83Qk28Hafe1/FquI9ijKoHUPKJcPswCOrFYqGzjOG';
  const auth = extension({ htpasswd: { inline } }).scope.get(SERVER_AUTH);
  const guesses = Array.from({ length: 50 }, (_, i) => auth.authenticate(header('user', `guess ${i}`)));
  const outcomes = await Promise.allSettled(guesses);
  const messages = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : 'let in'));
  assert.equal(messages.filter((message) => message === 'invalid user name or password').length, 8);
  assert.equal(messages.filter((message) => message.startsWith('too many')).length, 42);
});
