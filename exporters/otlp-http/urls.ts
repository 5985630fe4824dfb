import { EXPORT_CALLS, type Signal } from 'bpflow/sdk';

/** What the URLs of signals are made of; each as in the configuration. */
export interface HttpEndpoints {
  readonly endpoint?: string | undefined;
  readonly metrics_endpoint?: string | undefined;
  readonly logs_endpoint?: string | undefined;
  readonly traces_endpoint?: string | undefined;
  readonly profiles_endpoint?: string | undefined;
}

/** Where requests of the signal go: its own endpoint, else the signal's path below the common one; undefined where neither is set. */
export function signalUrl(endpoints: HttpEndpoints, signal: Signal): URL | undefined {
  const own = endpoints[`${signal}_endpoint`];
  if (own) return new URL(own);
  const { endpoint } = endpoints;
  return endpoint ? new URL(endpoint.replace(/\/$/, '') + EXPORT_CALLS[signal].path) : undefined;
}

/** What is wrong with an endpoint, without repeating what may be a password; undefined when nothing is. */
export function endpointProblem(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return 'endpoint must be a valid URL, such as http://localhost:4318';
  const { protocol, pathname } = new URL(endpoint);
  if (/%(?![0-9a-f]{2})/i.test(pathname)) return 'endpoint must be a valid URL: after % two hexadecimal digits follow';
  if (protocol === 'http:' || protocol === 'https:') return undefined;
  return `endpoint must be a URL with http:// or https://, such as http://localhost:4318; it begins with ${protocol}`;
}

/** For logs and errors: without user, password and query. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
