/** What looks like the beginning of messages and is in a body. */
export const LOOKALIKE = 'HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\nGET /no HTTP/1.1\r\nHost: no\r\n\r\n0\r\n\r\n';

/** So many bytes of it. */
export function lookalikes(bytes: number): string {
  return LOOKALIKE.repeat(Math.ceil(bytes / LOOKALIKE.length)).slice(0, bytes);
}
