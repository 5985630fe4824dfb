import type { ServiceError } from '@grpc/grpc-js';
import { describeTlsError, GRPC } from 'bpflow/transport';

/** What went wrong with a call, and what to do about it, in one sentence. */
export function describeFailure(error: Error, address: string): string {
  const { code, details } = error as Partial<ServiceError>;
  const text = bounded(plain(details ?? error.message));
  switch (code) {
    case GRPC.UNAVAILABLE:
      return describeConnection(text, address);
    case GRPC.UNIMPLEMENTED:
      return `${address} is no Hubble server (${text}); set endpoint to Hubble Relay or to port 4244 of an agent.`;
    case GRPC.DEADLINE_EXCEEDED:
      return `Hubble at ${address} does not answer in time; is it overloaded, or does something on the way hold connections?`;
    case GRPC.UNAUTHENTICATED:
    case GRPC.PERMISSION_DENIED:
      return `Hubble at ${address} does not let this agent in: ${text}.`;
    case GRPC.INVALID_ARGUMENT:
      return `Hubble at ${address} does not take the filters or the field mask: ${text}.`;
    case GRPC.RESOURCE_EXHAUSTED:
      return `Hubble at ${address} sends what is too large: ${text}.`;
    default:
      return `Hubble at ${address}: ${text}.`;
  }
}

function describeConnection(text: string, address: string): string {
  if (/ECONNREFUSED/.test(text)) {
    return `Connection to Hubble at ${address} refused: is Hubble Relay running (kubectl -n kube-system get deploy hubble-relay), and is the port right? The service of the chart listens on 443 with TLS and on 80 without.`;
  }
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(text)) {
    return `Hubble at ${address}: the name is not known here; is Hubble Relay deployed, and does this pod use the DNS of the cluster?`;
  }
  if (/ENOENT/.test(text)) {
    return `Hubble at ${address}: there is no such socket; is /var/run/cilium of the node mounted, and is Hubble enabled?`;
  }
  if (/EACCES/.test(text)) return `Hubble at ${address}: this process may not open the socket.`;
  if (/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(text)) {
    return `Hubble at ${address} cannot be reached (${text}); does a network policy allow it?`;
  }
  const [, known] = /\[ERR_TLS_\w+\]: (.*)/.exec(text) ?? [];
  const tls = describeTlsError(new Error(known ?? text));
  if (known !== undefined || tls !== text) {
    return `TLS with Hubble at ${address} failed: ${tls}. Check the certificates.`;
  }
  return `The connection to Hubble at ${address} was lost: ${text}.`;
}

/** What grpc-js says of a connection, once and not once for each of its layers. */
function plain(details: string): string {
  return details
    .replace(/(?:[a-z_]+: )?(?:No connection established\. Last error: )+(?:Error: )?/, '')
    .replace(/\s*Resolution note: *$/, '')
    .replace(/[.\s]+$/, '');
}

function bounded(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
