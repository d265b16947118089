/** Closures over plain HTTP: as JSON, as a deterministic tar, and as Heat takes them. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AppError } from '#base/app-error.ts';
import { attachmentDisposition } from '#base/content-disposition.ts';
import { evaluateConditions } from '#base/http-conditions.ts';
import type { HttpExchange, HttpRoute } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { exportClosureTar } from '#ops/export-closure-tar.ts';
import { getClosureJson } from '#ops/get-closure-json.ts';
import { projectHeat } from '#ops/project-heat.ts';
import { closureOperations } from './describe-transfers.ts';

const methods = { GET: sendClosure, HEAD: sendClosure };

/** A tar is a transfer, and which format it is stands in the query. */
export const closureRoutes: readonly HttpRoute<OpContext>[] = [
  { path: '/api/v1/closure', methods, operations: closureOperations, isTransfer: true },
];

interface ClosureRequest {
  readonly ref: string;
  readonly mode: 'pinned' | 'floating';
  readonly format: 'json' | 'tar' | 'heat';
  readonly inlineBytes: number | undefined;
  readonly isPartial: boolean;
}

async function sendClosure({ context, request, response, query }: HttpExchange<OpContext>): Promise<void> {
  const asked = readQuery(query());
  switch (asked.format) {
    case 'json':
      return sendJson(request, response, await getClosureJson(context, asked));
    case 'heat':
      return sendJson(request, response, JSON.stringify(await projectHeat(context, asked)));
    case 'tar':
      return sendTar(context, request, response, asked);
  }
}

/** @throws AppError INPUT_INVALID, a fault for each parameter that is wrong, unknown or said twice */
function readQuery(query: URLSearchParams): ClosureRequest {
  const faults: { pointer: string; message: string }[] = [];
  const known: ReadonlySet<string> = new Set(['ref', 'mode', 'format', 'inline', 'partial']);
  for (const name of new Set(query.keys())) {
    if (!known.has(name))
      faults.push({ pointer: '/query', message: `there is no parameter ${JSON.stringify(name.slice(0, 40))}` });
    else if (query.getAll(name).length > 1) faults.push({ pointer: `/query/${name}`, message: 'is said more than once' });
  }
  const choose = <Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]): Choice => {
    const text = query.get(name) ?? choices[0];
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) faults.push({ pointer: `/query/${name}`, message: `is one of ${choices.join(', ')}` });
    return choice ?? choices[0];
  };
  const inline = query.get('inline');
  if (inline !== null && !/^\d{1,9}$/.test(inline)) faults.push({ pointer: '/query/inline', message: 'is a number of bytes' });
  const ref = query.get('ref') ?? '';
  if (ref === '') faults.push({ pointer: '/query/ref', message: 'is an artifact reference, and required' });
  const asked: ClosureRequest = {
    ref,
    mode: choose('mode', ['pinned', 'floating']),
    format: choose('format', ['json', 'tar', 'heat']),
    inlineBytes: inline === null ? undefined : Number(inline),
    isPartial: choose('partial', ['false', 'true']) === 'true',
  };
  const [first] = faults;
  if (first !== undefined) throw new AppError('INPUT_INVALID', `${first.pointer.slice(1)} ${first.message}.`, { faults });
  return asked;
}

/** The ETag is of the very bytes: a closure has no other name for what it says. */
function sendJson(request: IncomingMessage, response: ServerResponse, text: string): void {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const headers = { ETag: etag, 'Cache-Control': 'private, no-cache', Vary: 'Authorization, X-Auth-Token, Origin' };
  if (isAnswered(request, response, headers)) return;
  response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function sendTar(
  context: OpContext,
  request: IncomingMessage,
  response: ServerResponse,
  asked: ClosureRequest,
): Promise<void> {
  const tar = await exportClosureTar(context, { ref: asked.ref, mode: asked.mode, partial: asked.isPartial });
  const headers = { ETag: `"${tar.etag}"`, 'Cache-Control': 'private, no-cache', Vary: 'Authorization, X-Auth-Token, Origin' };
  if (isAnswered(request, response, headers)) return;
  response.writeHead(200, {
    ...headers,
    'Content-Type': 'application/x-tar',
    'Content-Length': tar.sizeBytes,
    'Content-Disposition': attachmentDisposition(tar.fileName),
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(tar.open(), response, { signal: context.signal });
}

/** Answers 304 where the client has it already. @throws AppError PRECONDITION_FAILED */
function isAnswered(request: IncomingMessage, response: ServerResponse, headers: { readonly ETag: string }): boolean {
  // Without a date of its own: conditions on dates do not hold, and do not hinder.
  const { 'if-modified-since': _since, 'if-unmodified-since': _unmodified, ...conditions } = request.headers;
  const outcome = evaluateConditions(conditions, headers.ETag, new Date(0));
  if (outcome === 'failed') throw new AppError('PRECONDITION_FAILED');
  if (outcome === 'proceed') return false;
  response.writeHead(304, headers).end();
  return true;
}
