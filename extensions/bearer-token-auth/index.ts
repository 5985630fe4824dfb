import { defineExtension } from 'bpflow/sdk';
import { createBearerTokenAuth } from './bearer-token-auth.ts';
import { bearerTokenAuthConfig } from './config.ts';

export default defineExtension({
  type: 'bearer_token_auth',
  aliases: ['bearertokenauth'],
  stability: 'beta',
  description: 'Static bearer tokens for servers and clients.',
  config: bearerTokenAuthConfig,
  create: createBearerTokenAuth,
});
