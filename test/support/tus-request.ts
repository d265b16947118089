/** One request of the tus protocol as it stands on the wire: nothing is added that the test did not write. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

export interface TusAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Parsed where it is JSON. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export type TusHeaders = OutgoingHttpHeaders;

/** @param body undefined: the request has none */
export async function tusRequest(method: string, url: string, headers: TusHeaders, body?: Uint8Array): Promise<TusAnswer> {
  const request = httpRequest(url, { method, headers, agent: false });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  request.end(body);
  const [response] = await answered;
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  const isJson = /json/.test(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : undefined,
  };
}

/** `Upload-Metadata` of the values. */
export function encodeMetadata(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
