/**
 * What went wrong with a TLS connection, in one sentence without full stop, for logs and errors: `the server's certificate has expired`.
 * Takes errors of Node's TLS (by their `code`), and those of libraries that keep only the text. Works on both ends: a problem
 * that the other end found is told as such. The message of anything else comes back as it is.
 *
 * `socket` is the second argument of a server's `tlsClientError`: Node only says "socket hang up" of a certificate that it refused, and
 * keeps the reason there. (The client then sees its connection closed, without a reason.)
 */
export function describeTlsError(
  error: unknown,
  socket?: { readonly authorizationError?: Error | string | null },
): string {
  const { code = '', message, reason = '' } = toTlsError(socket?.authorizationError ?? error);
  const name = altNameProblem(error, message);
  if (name !== undefined) return name;
  const text = `${code} ${reason} ${message}`;
  for (const [pattern, explanation] of KNOWN) if (pattern.test(text)) return explanation;
  return message;
}

interface TlsError {
  readonly code?: string;
  readonly reason?: string;
  readonly message: string;
}

function toTlsError(error: unknown): TlsError {
  if (error instanceof Error) return error as Error & TlsError;
  return { message: String(error) };
}

/** Names of the certificate and the name that was wanted. */
function altNameProblem(error: unknown, message: string): string | undefined {
  const [, wanted, reason] =
    /Hostname\/IP does not match certificate's altnames: (?:Host: |IP: )?(\S+?)\.? (?:is not|is not in|is not cert's)([\s\S]*)/.exec(
      message,
    ) ?? [];
  if (wanted === undefined) return undefined;
  const subject = (error as { readonly cert?: { readonly subjectaltname?: string } }).cert?.subjectaltname;
  const listed = subject ?? /(?:altnames: |cert's list: )([\s\S]*)$/.exec(reason ?? '')?.[1];
  const names = (listed ?? '')
    .split(',')
    .map((entry) => entry.trim().replace(/^(DNS|IP Address):|\.$/g, ''))
    .filter((entry) => entry !== '');
  const is = names.length === 0 ? 'is' : `is for ${names.join(', ')},`;
  return `the server's certificate ${is} not for ${wanted}; connect to one of its names, or set tls.server_name_override`;
}

/** First match counts. What the other end said (an alert) comes before what this end found. */
const KNOWN: readonly (readonly [pattern: RegExp, explanation: string])[] = [
  [
    /ALERT_CERTIFICATE_REQUIRED|alert certificate required|alert number 116/i,
    'the other end wants a certificate from this end; set tls.cert_file and tls.key_file',
  ],
  [
    /ALERT_UNKNOWN_CA|alert unknown ca|alert number 48/i,
    "the other end does not trust the authority of this end's certificate",
  ],
  [
    /ALERT_CERTIFICATE_EXPIRED|alert certificate expired|alert number 45/i,
    "the other end says that this end's certificate has expired",
  ],
  [
    /ALERT_CERTIFICATE_REVOKED|alert certificate revoked|alert number 44/i,
    "the other end says that this end's certificate is revoked",
  ],
  [
    /ALERT_(BAD|UNSUPPORTED)_CERTIFICATE|ALERT_CERTIFICATE_UNKNOWN|alert (bad|unsupported) certificate|alert certificate unknown|alert number 4[236]/i,
    "the other end refuses this end's certificate",
  ],
  [/ALERT_ACCESS_DENIED|alert access denied|alert number 49/i, "the other end does not let this end's certificate in"],
  [
    /ALERT_PROTOCOL_VERSION|alert protocol version|alert number 70/i,
    'the other end speaks none of the TLS versions that this end allows; see tls.min_version and tls.max_version',
  ],
  [
    /UNRECOGNIZED_NAME|unrecognized name|alert number 112/i,
    'the server knows no certificate for the name that was asked for; see tls.server_name_override',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|alert handshake failure|alert number 40/i,
    'the other end ended the handshake: no cipher suite or curve in common, or no acceptable certificate',
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE|peer did not return a certificate/i,
    'the client showed no certificate, and client_ca_file demands one',
  ],
  [/ERR_SSL_HTTP_REQUEST|http request/i, 'the client speaks plain HTTP to a port that expects TLS'],
  [
    /UNSUPPORTED_PROTOCOL|unsupported protocol|WRONG_SSL_VERSION|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW/i,
    'the other end offers no TLS version that this end allows; see tls.min_version and tls.max_version',
  ],
  [
    /NO_SHARED_CIPHER|no shared cipher|NO_SUITABLE_|NO_SHARED_GROUP/i,
    'there is no cipher suite or curve that both ends allow; see tls.cipher_suites and tls.curve_preferences',
  ],
  [
    /WRONG_VERSION_NUMBER|wrong version number|PACKET_LENGTH_TOO_LONG|packet length too long|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE/i,
    'the other end does not speak TLS on this port; for a server without TLS set tls.insecure',
  ],
  [
    /DEPTH_ZERO_SELF_SIGNED_CERT|self[- ]signed certificate(?! in)/i,
    "the other end's certificate is signed by itself and is not among the trusted authorities; put it into tls.ca_file",
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/i, "the other end's certificate has expired"],
  [
    /CERT_NOT_YET_VALID|certificate is not yet valid/i,
    "the other end's certificate is not yet valid; is the clock of this machine right?",
  ],
  [/CERT_REVOKED|certificate revoked/i, "the other end's certificate is revoked"],
  [
    /INVALID_PURPOSE|unsupported certificate purpose|unsuitable certificate purpose/i,
    "the other end's certificate is not made for this use; see its extended key usage",
  ],
  [
    /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED|self[- ]signed certificate in certificate chain|unable to (get (local )?issuer certificate|verify the first certificate)/i,
    "the authority that signed the other end's certificate is not trusted; put it into tls.ca_file (for clients of this agent: client_ca_file)",
  ],
  [
    /ERR_SSL_BAD_SIGNATURE|CERT_SIGNATURE_FAILURE|certificate signature failure/i,
    "the signature of the other end's certificate is wrong",
  ],
  [
    /disconnected before secure TLS connection|ERR_SSL_UNEXPECTED_EOF|unexpected eof/i,
    'the other end closed the connection during the TLS handshake: it may not speak TLS, or want a client certificate',
  ],
  [
    /ERR_TLS_HANDSHAKE_TIMEOUT|TLS handshake timeout/i,
    'the TLS handshake took too long; the other end may not speak TLS on this port',
  ],
];
