/** Where a gRPC client connects to, as grpc-js reads it. */
export interface GrpcTarget {
  readonly target: string;
  /** `https://`: TLS even where `tls: { insecure: true }` says otherwise. */
  readonly forceTls: boolean;
}

/**
 * `host:port`, the same behind `http://` or `https://`, `dns:///host:port`, `passthrough:///host:port`, `unix:///path`, and a
 * list of addresses, `ipv4:10.0.0.1:4317,10.0.0.2:4317`.
 * Throws RangeError with the Collector's text.
 */
export function grpcTarget(endpoint: string): GrpcTarget {
  const [, scheme = '', rest = ''] = /^(?:(https?|dns|passthrough|unix|unix-abstract|ipv4|ipv6):(?:\/\/)?)?(.*)$/s.exec(
    endpoint,
  )!;
  if (rest === '') throw new RangeError('requires a non-empty "endpoint"');
  switch (scheme) {
    case 'unix':
    case 'unix-abstract':
      return { target: endpoint.replace(/^(unix(?:-abstract)?):\/\/(?!\/)/, '$1:'), forceTls: false };
    case 'ipv4':
    case 'ipv6':
      for (const address of rest.replace(/^\/+/, '').split(',')) checkPort(address);
      return { target: `${scheme}:${rest.replace(/^\/+/, '')}`, forceTls: false };
    case 'dns': {
      const name = rest.replace(/^.*\//s, '');
      checkPort(name);
      return { target: `dns:${rest.startsWith('/') || !rest.includes('/') ? name : `//${rest}`}`, forceTls: false };
    }
    default: {
      const name = rest.replace(/^\//, '').replace(scheme.startsWith('http') ? /\/$/ : /$^/, '');
      checkPort(name);
      return { target: `dns:${name}`, forceTls: scheme === 'https' };
    }
  }
}

function checkPort(address: string): void {
  if (address.includes('@')) throw new RangeError('an endpoint has no user and no password; use auth or headers');
  const [, port] = /^(?:\[[^[\]]*\]|[^[\]:]*):([^:]*)$/.exec(address) ?? [];
  if (port === undefined) {
    const colons = address.split(':').length - 1;
    const isIpv6 = colons > 1 && !address.startsWith('[');
    throw new RangeError(`address ${address}: ${isIpv6 ? 'too many colons in address' : 'missing port in address'}`);
  }
  if (!/^\d+$/.test(port) || Number(port) > 65535) throw new RangeError(`invalid port "${port}"`);
}
