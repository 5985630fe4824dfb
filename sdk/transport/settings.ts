import { z } from 'zod';
import { extensionId } from '../extension-id.ts';

/** `auth:` of a server or client: which extension checks or gives the credentials. */
export function authSettings() {
  return z
    .strictObject({
      authenticator: extensionId().describe(
        'Id of the extension, for example basicauth/server. It must stand in service.extensions too.',
      ),
    })
    .optional();
}
