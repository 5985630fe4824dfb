import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ViewAddress } from '../../sdk/agent.ts';
import { asError } from '../../sdk/errors.ts';
import type { ViewQuery } from '../../sdk/scope.ts';
import { toJson, type Views } from './views.ts';

export interface AdminSources {
  readonly views: Views;
  health(): unknown;
}

/**
 * `GET /v1/health`, `GET /v1/views`, and `GET /v1/views/<kind>/<id>/<name>`, where the id may contain a slash and a
 * processor that runs in several pipelines needs `?pipeline=<id>`; what else the query has is the view's. Errors are `{"error": "…"}`.
 */
export function answer(request: IncomingMessage, response: ServerResponse, sources: AdminSources): void {
  let reply: Reply;
  let text: string;
  try {
    reply = request.method === 'GET' ? read(new URL(request.url ?? '/', 'http://admin'), sources) : NOT_ALLOWED;
    text = toJson(reply.body);
  } catch (thrown) {
    reply = { status: 500, body: undefined };
    text = toJson({ error: `The view failed: ${asError(thrown).message}` });
  }
  response.writeHead(reply.status, { 'Content-Type': 'application/json' }).end(`${text}\n`);
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const NOT_ALLOWED: Reply = { status: 405, body: { error: 'Only GET is allowed.' } };

function read(url: URL, { views, health }: AdminSources): Reply {
  if (url.pathname === '/v1/health') return { status: 200, body: health() };
  if (url.pathname === '/v1/views') return { status: 200, body: { views: views.list() } };
  const address = viewAddress(url);
  if (address === undefined) return notFound('Unknown path. Try /v1/views or /v1/health.');
  const found = views.find(address);
  if (found.length === 0) return notFound('There is no such view. GET /v1/views lists them.');
  if (found.length === 1) return { status: 200, body: found[0]!.read(queryOf(url)) };
  const pipelines = found.map((view) => view.address.pipeline).join(', ');
  return { status: 409, body: { error: `It runs in several pipelines: add ?pipeline= with one of ${pipelines}.` } };
}

function queryOf(url: URL): ViewQuery {
  const { pipeline: _, ...query } = Object.fromEntries(url.searchParams);
  return query;
}

function notFound(error: string): Reply {
  return { status: 404, body: { error } };
}

function viewAddress(url: URL): ViewAddress | undefined {
  const segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const [api, views, kind, ...rest] = segments;
  const name = rest.pop();
  if (api !== 'v1' || views !== 'views' || name === undefined || rest.length === 0) return undefined;
  const pipeline = url.searchParams.get('pipeline');
  return {
    kind: kind as ViewAddress['kind'],
    id: rest.join('/'),
    name,
    ...(pipeline === null ? {} : { pipeline }),
  };
}
