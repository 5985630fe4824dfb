/** Where Hubble is, as grpc-js reads it. */
export interface Target {
  readonly target: string;
  /** Unix sockets have no TLS. */
  readonly isUnix: boolean;
}

/** `host:port`, `dns:host:port`, `dns:///host:port`, `unix:path`, `unix:///path`. Throws RangeError that says what is wrong. */
export function targetOf(endpoint: string): Target {
  const unix = /^unix:(?:\/\/)?(.*)$/s.exec(endpoint)?.[1];
  if (unix !== undefined) {
    if (unix === '') throw new RangeError('unix: needs a path, unix:///var/run/cilium/hubble.sock');
    return { target: `unix:${unix}`, isUnix: true };
  }
  if (/^[a-z]+:\/\//i.test(endpoint) && !endpoint.startsWith('dns://')) {
    throw new RangeError(`${endpoint}: write host:port, dns:host:port or unix:path`);
  }
  const name = endpoint.replace(/^dns:(?:\/\/[^/]*\/)?/, '');
  const [, port] = /^(?:\[[^[\]]+\]|[^[\]:/\s]+):(\d{1,5})$/.exec(name) ?? [];
  if (port === undefined) {
    throw new RangeError(`${endpoint}: expected an address with a port, such as hubble-relay.kube-system.svc:443`);
  }
  if (Number(port) < 1 || Number(port) > 65_535) throw new RangeError(`${endpoint}: the port must be 1 to 65535`);
  return { target: endpoint.startsWith('dns:') ? endpoint : `dns:${name}`, isUnix: false };
}
