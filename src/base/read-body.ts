/** A whole request body as text: bounded while it comes, and UTF-8. */
import type { IncomingMessage } from 'node:http';
import { AppError } from './app-error.ts';

/** @throws AppError REQUEST_TOO_LARGE before more than the limit is kept, REQUEST_MALFORMED where it is not UTF-8 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  // Left open where the limit stops it: destroying the request would reset the connection before the answer is read.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return decode(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
}

export function bodyTooLarge(maxBytes: number): AppError {
  return new AppError('REQUEST_TOO_LARGE', `The body of this request has at most ${maxBytes} bytes.`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new AppError('REQUEST_MALFORMED', 'The body is not UTF-8.');
  }
}
