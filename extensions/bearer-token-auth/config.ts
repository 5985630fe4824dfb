import { secret, z } from 'bpflow/sdk';

/** Configuration of the `bearer_token_auth` extension: the Collector's keys. */
export const bearerTokenAuthConfig = z
  .strictObject({
    scheme: z.string().default('Bearer').describe('The word before the token; empty for the token alone.'),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
      .default('Authorization')
      .describe('The header that carries it.'),
    token: secret().optional().describe('The token.'),
    tokens: z.array(secret()).default([]).describe('Tokens that servers accept; clients present the first.'),
    filename: z
      .string()
      .min(1)
      .optional()
      .describe('A file with one token a line, read again when it changes. It counts instead of token and tokens.'),
  })
  .check(({ value, issues }) => {
    const refuse = (message: string): void => {
      issues.push({ code: 'custom', input: value, path: [], message });
    };
    const given = value.token !== undefined || value.tokens.length > 0 || value.filename !== undefined;
    if (!given) refuse('no bearer token provided: set `token`, `tokens` or `filename`');
    if (value.token !== undefined && value.tokens.length > 0)
      refuse('either `token` or `tokens` should be specified, not both');
    if ([value.token, ...value.tokens].includes('')) refuse('a token must not be empty');
  });

export type BearerTokenAuthConfig = z.output<typeof bearerTokenAuthConfig>;
