/** Answers what is not HTTP enough to become a request, on the bare socket. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { problemMediaType, toProblem } from '#base/problem-details.ts';

export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    // Nobody listens, or an answer has begun on this connection: a second one in its middle would be read as its body.
    socket.destroy();
    return;
  }
  const [status, refusal] = toRefusal(error.code);
  refuse(socket, status, refusal);
}

/** CONNECT asks for a tunnel, which is no request that a route could answer. */
export function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  refuse(socket, 405, new AppError('METHOD_NOT_ALLOWED', 'This server is no proxy.'), 'Allow: GET, HEAD, PUT, POST, DELETE\r\n');
}

function refuse(socket: Duplex, status: number, refusal: AppError, extra = ''): void {
  socket.once('error', () => socket.destroy());
  const body = JSON.stringify(toProblem(refusal, undefined, status));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${extra}Content-Type: ${problemMediaType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function toRefusal(code = ''): readonly [number, AppError] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, new AppError('REQUEST_TOO_LARGE', 'The head of the request is too large.')];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, new AppError('REQUEST_TIMEOUT', 'The head of the request took too long to come.')];
    default:
      return [400, new AppError('REQUEST_MALFORMED', 'This is not a request of HTTP/1.1.')];
  }
}
