/** Serves the OpenAPI document, to whoever asks: it says what there is, and nothing of what is in it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/app-error.ts';
import { evaluateConditions } from '#base/http-conditions.ts';
import type { HttpPlane } from '#base/http-route.ts';
import { packageRoot } from '#base/package-root.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { OpContext } from '#ops/context.ts';
import { describePlanes } from './openapi.ts';
import { stateOf } from './request-state.ts';

const path = '/openapi.json';

export function mountOpenApi(app: FastifyInstance, planes: readonly HttpPlane<OpContext>[]): void {
  // Written when somebody asks first: most servers are never asked.
  let document: Document | undefined;
  app.all(path, ({ raw: request }, reply) => {
    reply.hijack();
    const response = reply.raw;
    stateOf(request).route = path;
    if (request.method === 'GET' || request.method === 'HEAD') {
      document ??= writeDocument(planes);
      answer(request, response, document);
    } else answerProblem(request, response, new AppError('METHOD_NOT_ALLOWED'), { Allow: 'GET, HEAD' });
  });
}

interface Document {
  readonly body: Buffer;
  readonly etag: string;
}

function writeDocument(planes: readonly HttpPlane<OpContext>[]): Document {
  const manifest: { readonly version: string } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const body = Buffer.from(JSON.stringify(describePlanes(planes, manifest.version)));
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}

function answer(request: IncomingMessage, response: ServerResponse, { body, etag }: Document): void {
  const { 'if-none-match': known } = request.headers;
  const outcome = evaluateConditions(known === undefined ? {} : { 'if-none-match': known }, etag, new Date(0));
  const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
  if (outcome === 'not-modified') response.writeHead(304, headers).end();
  else {
    response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}
