import type { IncomingMessage, ServerResponse } from 'node:http';

/** `cors:` of a server. */
export interface CorsRules {
  readonly allowed_origins: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly exposed_headers?: readonly string[];
  /** Seconds. */
  readonly max_age: number;
}

const ALWAYS_ALLOWED = ['accept', 'content-type', 'x-requested-with', 'accept-language', 'content-language', 'origin'];

/**
 * Lets browsers send from pages of other origins: sets the headers of an answer, and answers a preflight itself. True when the
 * request is answered.
 */
export function answerCors(
  rules: CorsRules | null | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (!rules || rules.allowed_origins.length === 0) return false;
  const { origin, 'access-control-request-method': method, 'access-control-request-headers': asked } = request.headers;
  const preflight = request.method === 'OPTIONS' && method !== undefined;
  response.setHeader(
    'Vary',
    preflight ? 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' : 'Origin',
  );
  const allowed = origin !== undefined && rules.allowed_origins.some((rule) => matches(rule, origin));
  if (!preflight) {
    if (allowed) allow(rules, origin, response);
    return false;
  }
  if (allowed && ['GET', 'POST', 'HEAD'].includes(method) && headersAllowed(rules, asked)) {
    allow(rules, origin, response);
    response.setHeader('Access-Control-Allow-Methods', method);
    if (asked !== undefined) response.setHeader('Access-Control-Allow-Headers', asked);
    if (rules.max_age > 0) response.setHeader('Access-Control-Max-Age', String(rules.max_age));
  }
  response.writeHead(204).end();
  return true;
}

function allow(rules: CorsRules, origin: string, response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Origin', rules.allowed_origins.includes('*') ? '*' : origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  const exposed = rules.exposed_headers ?? [];
  if (exposed.length > 0) response.setHeader('Access-Control-Expose-Headers', exposed.join(', '));
}

function headersAllowed({ allowed_headers }: CorsRules, asked: string | undefined): boolean {
  if (asked === undefined || allowed_headers.includes('*')) return true;
  const allowed = new Set([...ALWAYS_ALLOWED, ...allowed_headers.map((name) => name.toLowerCase())]);
  return asked.split(',').every((name) => allowed.has(name.trim().toLowerCase()));
}

/** A `*` in a rule stands for any characters. */
function matches(rule: string, origin: string): boolean {
  const [pattern, text] = [rule.toLowerCase(), origin.toLowerCase()];
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}
