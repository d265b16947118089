/** How routes of the Image API answer when all went well. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { JsonObject } from '#base/json.ts';
import { emptyMediaType } from './image-errors.ts';

interface Answer {
  /** 200 where left out. */
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
}

/** To a HEAD without the body, whose length it still tells. */
export function answerJson(request: IncomingMessage, response: ServerResponse, body: JsonObject, answer: Answer = {}): void {
  answerText(request, response, JSON.stringify(body), answer);
}

/** As `answerJson`, of JSON that is text already: one, or parts that follow each other. */
export function answerText(
  request: IncomingMessage,
  response: ServerResponse,
  parts: string | readonly string[],
  answer: Answer = {},
): void {
  const each = typeof parts === 'string' ? [parts] : parts;
  // Counted apart: to count what was added up is to copy it into one, and so is to send it behind its head.
  const length = each.reduce((bytes, part) => bytes + Buffer.byteLength(part), 0);
  // As text: node then sends head and body as one piece, where a buffer would make two.
  const text = each.reduce((before, part) => before + part);
  const headers = { 'Content-Type': 'application/json', 'Content-Length': length };
  response.writeHead(answer.status ?? 200, answer.headers === undefined ? headers : { ...answer.headers, ...headers });
  // What is ASCII is the same in either encoding, and quicker in this one.
  response.end(request.method === 'HEAD' ? undefined : text, length === text.length ? 'latin1' : 'utf8');
}

/** 204: done, and nothing to say. */
export function answerEmpty(response: ServerResponse): void {
  response.writeHead(204, { 'Content-Type': emptyMediaType }).end();
}

/**
 * Where clients find a path of this API: behind what the operator said, else behind the Host they asked. Without either it is
 * left relative.
 */
export function absoluteUrl(publicEndpoint: string | undefined, request: IncomingMessage, path: string): string {
  if (publicEndpoint !== undefined) return publicEndpoint.replace(/\/+$/, '') + path;
  const { host } = request.headers;
  return host === undefined || host === '' ? path : `http://${host}${path}`;
}
