import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CLIENT_AUTH, type Component, SERVER_AUTH } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { bearerTokenAuthConfig } from './config.ts';
import spec from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-token-'));
after(() => rmSync(folder, { recursive: true }));

function extension(config: unknown): { readonly scope: FakeScope; readonly component: Component } {
  const scope = fakeScope('extension', 'bearer_token_auth');
  return { scope, component: spec.create(bearerTokenAuthConfig.parse(config), scope) };
}

test('servers accept any of the tokens, and tell nothing of them to others', async () => {
  const { scope } = extension({ tokens: ['one', 'two'] });
  const auth = scope.get(SERVER_AUTH);
  await auth.authenticate({ authorization: 'Bearer one' });
  await auth.authenticate({ authorization: ['Bearer two'] });
  const refusals = [{}, { authorization: '' }, { authorization: 'Bearer three' }, { authorization: 'one' }];
  for (const headers of refusals) await assert.rejects(async () => auth.authenticate(headers), { name: 'AuthError' });
  await assert.rejects(async () => auth.authenticate({ authorization: 'Bearer x' }), {
    message: 'scheme or token does not match',
    challenge: 'Bearer',
  });
  assert.deepEqual(await scope.get(CLIENT_AUTH).headers(), { authorization: 'Bearer one' });
});

test('scheme and header can be others', async () => {
  const { scope } = extension({ token: 'k', scheme: '', header: 'X-Api-Key' });
  assert.deepEqual(await scope.get(CLIENT_AUTH).headers(), { 'x-api-key': 'k' });
  await scope.get(SERVER_AUTH).authenticate({ 'x-api-key': 'k' });
});

test('tokens of a file are read again when it changes', async () => {
  const filename = join(folder, 'tokens');
  writeFileSync(filename, 'old\n');
  const { scope, component } = extension({ filename, token: 'ignored' });
  await component.start?.();
  const auth = scope.get(SERVER_AUTH);
  await auth.authenticate({ authorization: 'Bearer old' });
  await assert.rejects(async () => auth.authenticate({ authorization: 'Bearer ignored' }), { name: 'AuthError' });
  writeFileSync(filename, 'new one\nold\n');
  scope.clock.advance(5000);
  await auth.authenticate({ authorization: 'Bearer new one' });
  assert.deepEqual(await scope.get(CLIENT_AUTH).headers(), { authorization: 'Bearer new one' });
  writeFileSync(filename, '\n');
  scope.clock.advance(5000);
  await auth.authenticate({ authorization: 'Bearer old' });
  await component.stop?.();
});
