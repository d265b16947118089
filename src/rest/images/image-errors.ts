/** Errors of the Image API: an HTML page unless the client asks for JSON, plain text for whoever asks for something else. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AppError } from '#base/app-error.ts';
import { toErrorStatus } from './image-error-status.ts';
import { patchMediaTypes } from './parse-patch.ts';

type Shape = 'html' | 'json' | 'text';

const mediaTypes = {
  html: 'text/html; charset=UTF-8',
  json: 'application/json',
  text: 'text/plain; charset=UTF-8',
} as const satisfies Record<Shape, string>;

/** Beyond these a sentence is no sentence any more. */
const maxFaults = 5;

/** What even an answer without a body is said to be: clients of this API look at it. */
export const emptyMediaType = mediaTypes.html;

export function answerImageError(
  request: IncomingMessage,
  response: ServerResponse,
  error: AppError,
  extra: Readonly<Record<string, string>> = {},
  route?: string,
): void {
  const shape = chooseShape(request.headers.accept);
  const status = toErrorStatus(error, request.method, route);
  const body = Buffer.from(render(shape, status, toSentence(error)));
  response.writeHead(status, {
    'Content-Type': mediaTypes[shape],
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    ...(status === 415 && request.method === 'PATCH' ? { 'Accept-Patch': patchMediaTypes } : {}),
    ...extra,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** One of the clients fails on flat JSON it did not ask for, so that HTML stays what is sent unasked. */
export function chooseShape(accept: string | undefined): Shape {
  if (accept === undefined) return 'html';
  const html = quality(accept, 'text', 'html');
  const json = quality(accept, 'application', 'json');
  if (html === 0 && json === 0) return 'text';
  return json > html ? 'json' : 'html';
}

/** The weight that the most exact matching range of an Accept header gives the media type; 0 where none matches. */
function quality(accept: string, type: string, subtype: string): number {
  let best = { rank: 0, weight: 0 };
  for (const part of accept.slice(0, 1024).split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const rank = range === `${type}/${subtype}` ? 3 : range === `${type}/*` ? 2 : range === '*/*' ? 1 : 0;
    if (rank <= best.rank) continue;
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = given === undefined ? 1 : Number.parseFloat(given.slice(2));
    best = { rank, weight: Number.isNaN(weight) ? 0 : weight };
  }
  return best.weight;
}

/** These shapes have no field for faults, so that the sentence says them; a client shows nothing else. */
function toSentence({ message, faults }: AppError): string {
  const [first] = faults;
  if (first === undefined || faults.every((fault) => message.includes(fault.message))) return message;
  const said = faults.slice(0, maxFaults).map((fault) => `${fault.pointer.slice(1)} ${fault.message}`.trim());
  const more = faults.length > maxFaults ? `; and ${faults.length - maxFaults} more` : '';
  return `${message} ${said.join('; ')}${more}.`;
}

function render(shape: Shape, status: number, message: string): string {
  const reason = STATUS_CODES[status] ?? 'Error';
  const title = `${status} ${reason}`;
  const escaped = `${escapeHtml(message)}<br /><br />`;
  switch (shape) {
    case 'html':
      return `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${escaped}\n </body>\n</html>\n`;
    case 'json':
      return JSON.stringify({ message: `${escaped}\n`, code: title, title: reason });
    case 'text':
      return `${title}\n\n${message}\n`;
  }
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => escapes[char] ?? char);
}
