import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';

export interface GrpcCall {
  /** `package.Service`. */
  readonly service: string;
  readonly method: string;
}

/**
 * The call of an HTTP flow that is gRPC: by its content type; where headers are not shown, by HTTP/2, POST and a path that
 * looks like one, `/package.Service/Method` with both names beginning in upper case.
 */
export function grpcCall(flow: Flow, reader: FlowReader): GrpcCall | undefined {
  if (flow.contentType === 1) return undefined;
  if (flow.contentType === 0) {
    const { words } = reader;
    if (words.text(flow.httpProtocol) !== 'HTTP/2' || words.text(flow.httpMethod) !== 'POST') return undefined;
  }
  const path = pathOf(reader.text(flow.httpUrl));
  const [, service, method] = /^\/([\w.]+)\/(\w+)$/.exec(path) ?? [];
  if (service !== undefined && (flow.contentType === 2 || looksLikeCall(service, method!))) {
    return { service, method: method! };
  }
  return flow.contentType === 2 ? { service: 'unknown', method: 'unknown' } : undefined;
}

/** The path of a URL with or without scheme and host. */
function pathOf(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

function looksLikeCall(service: string, method: string): boolean {
  return /^[A-Z]/.test(service.slice(service.lastIndexOf('.') + 1)) && /^[A-Z]/.test(method);
}
