import { z } from 'zod';

/** `auth:` of a server or client: which extension checks or gives the credentials. */
export function authSettings() {
  return z
    .strictObject({
      authenticator: z
        .string()
        .min(1)
        .describe('Id of the extension, for example basicauth/server. It must stand in service.extensions too.'),
    })
    .optional();
}
