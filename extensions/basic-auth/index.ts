import { defineExtension } from 'bpflow/sdk';
import { createBasicAuth } from './basic-auth.ts';
import { basicAuthConfig } from './config.ts';

export default defineExtension({
  type: 'basic_auth',
  aliases: ['basicauth'],
  stability: 'beta',
  description: 'HTTP basic authentication for servers (htpasswd) and clients.',
  config: basicAuthConfig,
  create: createBasicAuth,
});
