import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AgentProcess, admin, bpflow, root, temporaryFolder, until } from './agent-process.ts';
import { postLogs } from './otlp-sink.ts';

const pem = (name: string): string => join(root, 'sdk', 'transport', 'testdata', 'tls', `${name}.pem`);
const key = readFileSync(pem('server-key'), 'utf8');

/** What nobody may see, by what it is. */
const secrets = {
  'a header of answers': 'hush-answer',
  'a header over gRPC': 'hush-grpc-header',
  'a header over HTTP': 'hush-http-header',
  'a header of a list': 'hush-listed-header',
  'a header of own metrics': 'hush-own-header',
  'a password of a client': 'hush-client-password',
  'a password of a server': 'hush-server-password',
  'a hash of bcrypt': '$2b$04$abcdefghijklmnopqrstuvhushhushhushhushhushhushhushhuu',
  'a token of a client': 'hush-client-token',
  'a token of a server': 'hush-server-token',
  'a password in a URL': 'hush-url-password',
  'a password in the URL of a signal': 'hush-signal-password',
  'a password in the URL of a proxy': 'hush-proxy-password',
  'a password in the URL of own metrics': 'hush-own-password',
  'a variable of the environment': 'hush-variable',
  'a password that was wrong': 'hush-wrong-password',
  'a token that was wrong': 'hush-wrong-token',
  'a key': key.split('\n').find((line) => /^[A-Za-z0-9+/=]{32,}$/.test(line))!,
};

describe('secrets of a configuration', () => {
  const folder = temporaryFolder();
  after(() => folder[Symbol.dispose]());
  process.env['BPFLOW_TEST_HUSH'] = secrets['a variable of the environment'];
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(401, { 'Content-Type': 'text/plain' }).end('who are you?'));
  });
  let yaml = '';
  before(async () => {
    folder.write('clumsy.js', CLUMSY);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    yaml = JSON.stringify(configuration(folder.path, `127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
  after(() => server.close());

  test('are not printed', () => {
    for (const format of ['yaml', 'json']) {
      const { status, stdout, stderr } = bpflow(['print-config', '--format', format, '--config', `yaml:${yaml}`]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /\[REDACTED\]/);
      assertSilent(`print-config as ${format}`, stdout + stderr);
    }
  });

  test('are not quoted where they are wrong', () => {
    // As many at a time as can be told apart: all problems of a configuration come at once.
    const wrong: readonly Record<string, object>[] = [
      {
        'exporters otlp_http/url': { endpoint: 'http://u:hush-url-password@ho st' },
        'exporters otlp_http/proxy': { proxy_url: 'hush-proxy-password@host' },
        'exporters otlp_grpc': { endpoint: 'https://u:hush-url-password@host:1:2', headers: ['hush-listed-header'] },
        'extensions bearer_token_auth': { token: { x: 'hush-client-token' } },
        'extensions basic_auth': { client_auth: { password: ['hush-client-password'] } },
      },
      {
        'exporters otlp_http/url': { endpoint: 'ftp://u:hush-url-password@host' },
        'exporters otlp_http/proxy': { proxy_url: 'http://u:hush-proxy-password@ho st' },
        'exporters otlp_grpc': { headers: 'hush-grpc-header', tls: { cert_pem: 'x', key_pem: [key] } },
        'extensions bearer_token_auth': { tokens: 'hush-server-token' },
        'extensions basic_auth/server': { htpasswd: 'hush-server-password' },
      },
      {
        'exporters otlp_http/url': { endpoint: 'http://u:hush-url-password@host:99999' },
        'exporters otlp_http/proxy': { proxy_url: ['http://u:hush-proxy-password@host'] },
        'exporters otlp_grpc': { endpoint: 'u:hush-url-password@host', headers: { 'x-key': ['hush-grpc-header'] } },
        'extensions bearer_token_auth': { token: 'hush-client-token', tokens: ['hush-server-token'] },
        'extensions basic_auth/server': { htpasswd: { inline: ['alice:hush-server-password'] } },
      },
    ];
    for (const changes of wrong) {
      const config = JSON.parse(yaml) as Readonly<Record<string, Record<string, object>>>;
      for (const [where, change] of Object.entries(changes)) {
        const [section, id] = where.split(' ') as [string, string];
        Object.assign(config[section]![id]!, change);
      }
      const { status, stdout, stderr } = bpflow(['validate', '--config', `yaml:${JSON.stringify(config)}`]);
      assert.notEqual(status, 0);
      for (const where of Object.keys(changes))
        assert.ok(stderr.includes(where.replace(' ', '::')), `${where}:\n${stderr}`);
      assertSilent('validate', stdout + stderr);
    }
  });

  for (const exporter of ['otlp_grpc', 'otlp_http']) {
    for (const odd of ['hush-grpc-header\u0001', 'hush-grpc-header\n', 'hush-grpc-header\u4e16']) {
      test(`that no header can carry (${JSON.stringify(odd)}) are not quoted by ${exporter}`, async () => {
        const { service, exporters } = JSON.parse(yaml) as ReturnType<typeof configuration>;
        const endpoint = exporter === 'otlp_grpc' ? '127.0.0.1:1' : 'http://127.0.0.1:1';
        const config = {
          receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } } },
          exporters: { [exporter]: { ...exporters[exporter], endpoint, headers: { 'x-key': odd } } },
          service: { ...service, extensions: [], pipelines: { logs: { receivers: ['otlp'], exporters: [exporter] } } },
        };
        const agent = new AgentProcess(['run', '--config', `yaml:${JSON.stringify(config)}`], folder.path);
        await using _ = agent;
        await until(
          () => /Everything is ready|Error:/.test(agent.log),
          () => agent.log,
        );
        if (agent.log.includes('Everything is ready')) {
          const health = JSON.stringify(await admin(agent.adminPath, '/v1/health'));
          await postLogs(`http://${/(127\.0\.0\.1:\d+) \(HTTP\)/.exec(health)![1]}`, [1]);
          await agent.says(`exporter/${exporter}\t`);
        }
        assertSilent('the log', agent.log);
      });
    }
  }

  test('are in no log at level debug, on no page, and not in what it says when it fails', async () => {
    await using agent = await AgentProcess.run(yaml, folder.path);
    const health = JSON.stringify(await admin(agent.adminPath, '/v1/health'));
    const at = (kind: RegExp): string => kind.exec(health)![1]!;
    const http = at(/(127\.0\.0\.1:\d+) \(HTTP\)/);
    assert.equal(await postLogs(`http://${http}`, [1]), 401);
    const send = (authorization: string) =>
      fetch(`http://${http}/v1/logs?token=hush-wrong-token`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'x' } }] }] }] }),
      });
    const basic = (password: string) => `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;
    for (const wrong of [basic('hush-wrong-password'), 'Bearer hush-wrong-token', 'Basic hush-wrong-token'])
      assert.equal((await send(wrong)).status, 401);
    assert.equal((await send(basic('hush-server-password'))).status, 200);

    const exporters = ['otlp_grpc', 'otlp_http/url', 'otlp_http/proxy', 'otlp_http/basic', 'otlp_http/bearer'];
    await until(
      () => exporters.every((id) => agent.log.split('\n').some((line) => line.includes(`exporter/${id}\t`))),
      () => `not every exporter has failed:\n${agent.log}`,
    );
    // The second time a client is not let in for a reason is told at level debug.
    for (let i = 0; i < 2; i++) await fetch(`http://${at(/(127\.0\.0\.1:\d+) \(gRPC\)/)}`).catch(() => {});
    await agent.says('\tdebug\t');
    await agent.says(/Unhandled|unhandled/);

    const views = (await admin(agent.adminPath, '/v1/views')) as { views: readonly { path: string }[] };
    for (const path of ['/v1/health', '/v1/views', ...views.views.map((view) => view.path)]) {
      assertSilent(path, JSON.stringify(await admin(agent.adminPath, path)));
    }
    const zpages = `http://${at(/Pages at http:..(127\.0\.0\.1:\d+)/)}`;
    for (const page of [
      'servicez',
      'pipelinez',
      'componentz',
      'extensionz',
      'queuez',
      'ledgerz',
      'viewz',
      'featurez',
    ]) {
      const response = await fetch(`${zpages}/debug/${page}`);
      assert.equal(response.status, 200);
      assertSilent(page, await response.text());
    }
    assertSilent('own metrics', await agent.page());

    agent.signal('SIGHUP');
    await agent.says(/reload|Reload/);
    agent.signal('SIGTERM');
    await agent.ended();
    assertSilent('the log', agent.log + agent.output);
  });
});

/** Its errors name what it works with. */
const CLUMSY = `
import { defineExtension, z } from 'bpflow/sdk';
export default defineExtension({
  type: 'clumsy', stability: 'alpha', description: 'Fails where nobody catches it.',
  config: z.strictObject({ url: z.string().describe('Where to.') }),
  create: ({ url }) => ({
    start() {
      setTimeout(() => { throw new Error('cannot reach ' + url); }, 10);
      void Promise.reject(new TypeError('no answer of ' + url));
    },
  }),
});
`;

interface Parts {
  readonly extensions: Record<string, object>;
  readonly receivers: Record<string, object>;
  readonly exporters: Record<string, object>;
}

function configuration(folder: string, server: string): Parts & { readonly service: object } {
  const retry_on_failure = { enabled: false };
  return {
    plugins: [join(folder, 'clumsy.js')],
    extensions: {
      zpages: { endpoint: '127.0.0.1:0' },
      clumsy: { url: `http://u:${secrets['a password in a URL']}@127.0.0.1:1` },
      'basic_auth/server': {
        htpasswd: {
          inline: `alice:${secrets['a password of a server']}\nbob:${secrets['a hash of bcrypt'].replaceAll('$', '$$$$')}\n`,
        },
      },
      basic_auth: { client_auth: { username: 'carol', password: secrets['a password of a client'] } },
      bearer_token_auth: { token: secrets['a token of a client'] },
      'bearer_token_auth/server': { tokens: [secrets['a token of a server']] },
    },
    receivers: {
      otlp: {
        protocols: {
          grpc: {
            endpoint: '127.0.0.1:0',
            auth: { authenticator: 'bearer_token_auth/server' },
            tls: { cert_file: pem('server'), key_pem: key },
          },
          http: {
            endpoint: '127.0.0.1:0',
            auth: { authenticator: 'basic_auth/server' },
            response_headers: { 'x-key': secrets['a header of answers'] },
          },
        },
      },
    },
    exporters: {
      otlp_grpc: {
        endpoint: '127.0.0.1:1',
        headers: { 'x-key': secrets['a header over gRPC'], 'x-env': '${env:BPFLOW_TEST_HUSH}' },
        tls: { insecure: true },
        retry_on_failure,
      },
      'otlp_http/url': {
        endpoint: `http://u:${secrets['a password in a URL']}@127.0.0.1:1`,
        logs_endpoint: `http://u:${secrets['a password in the URL of a signal']}@127.0.0.1:1/v1/logs`,
        headers: { 'x-key': secrets['a header over HTTP'] },
        retry_on_failure,
      },
      'otlp_http/proxy': {
        endpoint: `http://${server}`,
        proxy_url: `http://u:${secrets['a password in the URL of a proxy']}@127.0.0.1:1`,
        headers: [{ name: 'x-key', value: secrets['a header of a list'] }],
        retry_on_failure,
      },
      'otlp_http/basic': { endpoint: `http://${server}`, auth: { authenticator: 'basic_auth' }, retry_on_failure },
      'otlp_http/bearer': {
        endpoint: `http://${server}`,
        auth: { authenticator: 'bearer_token_auth' },
        retry_on_failure,
      },
    },
    service: {
      admin: { endpoint: join(folder, 'admin.sock') },
      extensions: [
        'zpages',
        'clumsy',
        'basic_auth/server',
        'basic_auth',
        'bearer_token_auth',
        'bearer_token_auth/server',
      ],
      telemetry: {
        logs: { level: 'debug' },
        metrics: {
          readers: [
            { pull: { exporter: { prometheus: { host: '127.0.0.1', port: 0 } } } },
            {
              periodic: {
                interval: 200,
                timeout: 200,
                exporter: {
                  otlp: {
                    protocol: 'http/protobuf',
                    endpoint: `http://u:${secrets['a password in the URL of own metrics']}@127.0.0.1:1`,
                    headers: { 'x-key': secrets['a header of own metrics'] },
                  },
                },
              },
            },
          ],
        },
      },
      pipelines: {
        logs: {
          receivers: ['otlp'],
          exporters: ['otlp_grpc', 'otlp_http/url', 'otlp_http/proxy', 'otlp_http/basic', 'otlp_http/bearer'],
        },
      },
    },
  } as Parts & { readonly service: object };
}

/** As they are written, and as they travel. */
function assertSilent(where: string, text: string): void {
  for (const [what, secret] of Object.entries(secrets)) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').slice(0, -4)];
    for (const form of forms) {
      const line = text.split('\n').find((each) => each.includes(form));
      assert.equal(line, undefined, `${where} shows ${what}: ${line}`);
    }
  }
}
