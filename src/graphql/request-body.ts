/** How a request becomes GraphQL parameters: JSON only, read strictly, and never of a type that a foreign page can send unasked. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { bodyTooLarge } from '#base/read-body.ts';
import { parseJsonStrict } from '#base/safe-json.ts';

/** Deeper than any property may be, with room for the input around it. */
const maxBodyDepth = 64;

/** @throws AppError MEDIA_TYPE_UNSUPPORTED unless it is JSON in UTF-8 */
export function assertJsonType(contentType: string | null | undefined): void {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const isUtf8 = parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=');
    return name.trim() !== 'charset' || value.trim().replaceAll('"', '') === 'utf-8';
  });
  if (type.trim() === 'application/json' && isUtf8) return;
  throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'GraphQL requests are application/json in UTF-8.');
}

/** @throws AppError MEDIA_TYPE_UNSUPPORTED for a compressed body: what it unfolds to is bounded by nobody */
export function assertPlain(contentEncoding: string | null): void {
  if (contentEncoding === null || contentEncoding.toLowerCase() === 'identity') return;
  throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'GraphQL requests are sent without content coding.');
}

/** The parameters of a GET, as strictly read as those of a POST. @throws AppError REQUEST_MALFORMED */
export function parseQuery(url: string) {
  const search = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  const known = ['query', 'operationName', 'variables', 'extensions'] as const;
  const twice = known.find((name) => search.getAll(name).length > 1);
  if (twice !== undefined) throw new AppError('REQUEST_MALFORMED', `The parameter ${twice} is said more than once.`);
  const text = (name: (typeof known)[number]): string | undefined => search.get(name) || undefined;
  const object = (name: (typeof known)[number]): JsonObject | undefined => {
    const written = text(name);
    if (written === undefined) return undefined;
    const value = parseJsonStrict(written, { maxDepth: maxBodyDepth });
    if (value === null) return undefined;
    if (!isJsonObject(value)) throw new AppError('REQUEST_MALFORMED', `The parameter ${name} must be a JSON object.`);
    return value;
  };
  const [query, operationName] = [text('query'), text('operationName')];
  const [variables, extensions] = [object('variables'), object('extensions')];
  return {
    ...(query === undefined ? {} : { query }),
    ...(operationName === undefined ? {} : { operationName }),
    ...(variables === undefined ? {} : { variables }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

/** @throws AppError REQUEST_MALFORMED */
export function parseBody(text: string): object {
  const value = parseJsonStrict(text, { maxDepth: maxBodyDepth });
  if (typeof value === 'object' && value !== null) return value;
  throw new AppError('REQUEST_MALFORMED', 'The body must be a JSON object.');
}

export function assertBodySize(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) > maxBytes) throw bodyTooLarge(maxBytes);
  return text;
}
