/** The header fields of tus 1.0.0, read strictly: what cannot be meant is refused, nothing is guessed. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { uploadsUrl } from '#core/blob-url.ts';

export const tusVersion = '1.0.0';

const checksumBytes = { sha1: 20, md5: 16, sha256: 32, sha512: 64 } as const;
export const checksumAlgorithms = Object.keys(checksumBytes).join(',');

export interface TusChecksum {
  readonly algorithm: keyof typeof checksumBytes;
  readonly value: Uint8Array;
}

const metadataMaxBytes = 8 * 1024;

/** @throws AppError TUS_VERSION_UNSUPPORTED, also where none is named */
export function assertTusVersion(headers: IncomingHttpHeaders): void {
  if (headers['tus-resumable'] !== tusVersion) throw new AppError('TUS_VERSION_UNSUPPORTED');
}

/** A field that is a number of bytes; undefined where it was not sent. @throws AppError INPUT_INVALID */
export function readBytes(headers: IncomingHttpHeaders, name: 'upload-offset' | 'upload-length'): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  // Sent twice, Node joins it with a comma: no number either.
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new AppError('INPUT_INVALID', `${fieldName(name)} is a number of bytes, once.`);
}

/** The length, or undefined where it is said to come later. @throws AppError INPUT_INVALID */
export function readCreationLength(headers: IncomingHttpHeaders): number | undefined {
  const length = readBytes(headers, 'upload-length');
  const deferred = headers['upload-defer-length'];
  if (deferred !== undefined && deferred !== '1') throw new AppError('INPUT_INVALID', 'Upload-Defer-Length is 1.');
  if ((length === undefined) === (deferred === undefined)) {
    throw new AppError('INPUT_INVALID', 'Send either Upload-Length or Upload-Defer-Length.');
  }
  return length;
}

/** `<algorithm> <base64>`. @throws AppError INPUT_INVALID, DIGEST_UNSUPPORTED */
export function readChecksum(headers: IncomingHttpHeaders): TusChecksum | undefined {
  const field = headers['upload-checksum'];
  if (field === undefined) return undefined;
  const match = /^([a-z0-9]{1,20}) ([A-Za-z0-9+/]{1,100}={0,2})$/.exec(String(field));
  if (match === null) throw new AppError('INPUT_INVALID', 'Upload-Checksum is an algorithm, a space and a digest in base64.');
  const [, algorithm = '', base64 = ''] = match;
  if (!isChecksumAlgorithm(algorithm)) {
    throw new AppError('DIGEST_UNSUPPORTED', `The checksum of a request is one of ${checksumAlgorithms}.`);
  }
  const value = Buffer.from(base64, 'base64');
  if (value.length === checksumBytes[algorithm] && value.toString('base64') === base64) return { algorithm, value };
  throw new AppError('INPUT_INVALID', `A ${algorithm} digest is ${checksumBytes[algorithm]} bytes in base64.`);
}

function isChecksumAlgorithm(name: string): name is keyof typeof checksumBytes {
  return Object.hasOwn(checksumBytes, name);
}

/** As it was sent, and by key. @throws AppError INPUT_INVALID */
export function readMetadata(headers: IncomingHttpHeaders): { text: string | undefined; values: ReadonlyMap<string, string> } {
  const field = headers['upload-metadata'];
  const values = new Map<string, string>();
  if (field === undefined || field === '') return { text: undefined, values };
  const text = String(field);
  if (text.length > metadataMaxBytes) {
    throw new AppError('INPUT_INVALID', `Upload-Metadata is at most ${metadataMaxBytes} bytes.`);
  }
  for (const pair of text.split(',')) {
    const match = /^([!-+\--~]+)(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(pair.trim());
    const [, key = '', base64 = ''] = match ?? [];
    const bytes = Buffer.from(base64, 'base64');
    if (match === null || values.has(key) || bytes.toString('base64') !== base64) {
      throw new AppError(
        'INPUT_INVALID',
        'Upload-Metadata is pairs of a key and a value in base64, with commas between; no key twice.',
      );
    }
    values.set(key, toText(key, bytes));
  }
  return { text, values };
}

function toText(key: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError('INPUT_INVALID', `The metadata ${key} is not UTF-8.`);
  }
}

/** Undefined for an upload that stands for itself. @throws AppError INPUT_INVALID */
export function readConcat(headers: IncomingHttpHeaders): 'partial' | { readonly parts: readonly string[] } | undefined {
  const field = headers['upload-concat'];
  if (field === undefined) return undefined;
  const text = String(field);
  if (text === 'partial') return 'partial';
  if (!text.startsWith('final;')) throw new AppError('INPUT_INVALID', 'Upload-Concat is `partial`, or `final;` and URLs.');
  return { parts: text.slice('final;'.length).trim().split(/ +/).map(toUploadId) };
}

/** A path on this server, or a whole URL: whatever name the server has for the client, the path is the same. */
function toUploadId(url: string): string {
  const path = URL.canParse(url, 'http://localhost') ? new URL(url, 'http://localhost').pathname : '';
  const at = path.lastIndexOf(`${uploadsUrl}/`);
  const id = at < 0 ? '' : path.slice(at + uploadsUrl.length + 1).toLowerCase();
  if (isUuid(id)) return id;
  throw new AppError('INPUT_INVALID', 'Upload-Concat names something that is no upload of this server.');
}

function fieldName(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
