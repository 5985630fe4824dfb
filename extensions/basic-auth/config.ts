import { secret, z } from 'bpflow/sdk';

/** Configuration of the `basic_auth` extension: the Collector's keys. */
export const basicAuthConfig = z
  .strictObject({
    htpasswd: z
      .strictObject({
        file: z.string().min(1).optional().describe('An htpasswd file; read again when it changes.'),
        inline: secret().optional().describe('Lines of an htpasswd file. They count before those of the file.'),
      })
      .optional()
      .describe('For servers: who may come in. Hashes of bcrypt, apr1 (MD5) and SHA-1, or plain text.'),
    client_auth: z
      .strictObject({
        username: z.string().optional().describe('The name to present. Default: the empty one.'),
        username_file: z.string().min(1).optional().describe('A file that holds the name; read again when it changes.'),
        password: secret().optional().describe('The password to present. Default: the empty one.'),
        password_file: z
          .string()
          .min(1)
          .optional()
          .describe('A file that holds the password; read again when it changes.'),
      })
      .optional()
      .describe('For clients: what to present.'),
  })
  .check(({ value, issues }) => {
    const refuse = (path: string[], message: string): void => {
      issues.push({ code: 'custom', input: value, path, message });
    };
    const { htpasswd, client_auth: client } = value;
    if (htpasswd !== undefined && client !== undefined) {
      refuse(
        [],
        'only one of `htpasswd` and `client_auth` can be specified: servers and clients need an extension each',
      );
    }
    if (htpasswd === undefined && client === undefined)
      refuse([], 'either `htpasswd` or `client_auth` must be specified');
    if (htpasswd !== undefined && htpasswd.file === undefined && htpasswd.inline === undefined) {
      refuse(['htpasswd'], 'no credential source provided: set `file` or `inline`');
    }
    if (client !== undefined && Object.values(client).every((source) => source === undefined)) {
      refuse(['client_auth'], 'no credential source provided: set `username`, `password` or a file of either');
    }
  });

export type BasicAuthConfig = z.output<typeof basicAuthConfig>;
