/**
 * A text for people with the passwords of all URLs in it left out: `http://user:[REDACTED]@host`. Components take care of what
 * they know to be secret; this is for URLs that come along in errors of others, and in what is printed.
 */
export function withoutPasswords(text: string): string {
  if (!text.includes('://') || !text.includes('@')) return text;
  return text.replaceAll(/(:\/\/[^\s:/?#@"'\\]*):[^\s/?#"'\\]*@/g, '$1:[REDACTED]@');
}
