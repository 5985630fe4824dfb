import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathOf } from './programs.ts';

/** PEM files of one authority, of a server it signed (localhost, 127.0.0.1), and of a client. */
export interface Security {
  readonly ca: string;
  readonly server: string;
  readonly serverKey: string;
  readonly client: string;
  readonly clientKey: string;
}

/** Writes them into the folder. */
export function issueCertificates(folder: string): Security {
  execFileSync(pathOf('loadgen'), ['certs', folder]);
  return {
    ca: join(folder, 'ca.pem'),
    server: join(folder, 'server.pem'),
    serverKey: join(folder, 'server-key.pem'),
    client: join(folder, 'client.pem'),
    clientKey: join(folder, 'client-key.pem'),
  };
}
