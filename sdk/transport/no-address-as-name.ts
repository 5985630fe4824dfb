import { isIP } from 'node:net';

/**
 * Takes IP addresses out of what grpc-js tells TLS servers as the name it wants: an address is none (RFC 6066), and Node.js warns of
 * it (DEP0123). The certificate is compared with the address as before. For credentials of a channel; where grpc-js keeps the
 * name is not in its public interface: credentials in which it is not found stay as they are.
 */
export function noAddressAsName<C extends object>(credentials: C): C {
  const inside = credentials as { _createSecureConnector?: CreateConnector };
  const create = inside._createSecureConnector;
  if (typeof create !== 'function') return credentials;
  inside._createSecureConnector = (...parameters) => {
    const connector = create.apply(credentials, parameters);
    const { connectionOptions } = connector;
    const name = connectionOptions?.servername?.replace(/^\[(.*)\]$/, '$1');
    if (name !== undefined && isIP(name) !== 0) delete connectionOptions!.servername;
    return connector;
  };
  return credentials;
}

type CreateConnector = (...parameters: unknown[]) => { readonly connectionOptions?: { servername?: string } };
