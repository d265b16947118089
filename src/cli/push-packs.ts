/** Sends many small blobs in one request; what the server has no time or room for is left to be sent one by one. */
import { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { packMediaType } from '#core/pack.ts';
import type { ApiClient } from './api-client.ts';
import { knownCode } from './http-exchange.ts';
import { objectsOf, textOf } from './json-values.ts';
import { packBytes, packEnd, packHeader, packPadding } from './pack-tar.ts';
import type { PushFile } from './push-files.ts';
import { isTransient } from './retry.ts';

/** Where a server takes packs, and how large. */
export interface PackWay {
  readonly path: string;
  readonly blobs: number;
  readonly bytes: number;
  readonly blobBytes: number;
}

/** What is as large gains little by company. */
const smallBytes = 256 * 1024;
/** Fewer are sent one by one. */
const packFrom = 8;
const packBlobsMax = 500;
const packBytesMax = 16 * 1024 * 1024;
/** Several packs at once share a large number of blobs, but none is split for less. */
const packBlobsMin = 50;
/** Of a header and the end, generously: a path of the longest kind and a media type. */
const headerBytesMax = 8 * 1024;

/** Groups of small files to be sent together, and the rest. */
export function planPacks<Item extends { readonly file: PushFile }>(
  wanted: readonly Item[],
  way: PackWay | null,
  parallel: number,
): { readonly packs: readonly (readonly Item[])[]; readonly others: readonly Item[] } {
  const isSmall = ({ file }: Item) => file.sizeBytes < Math.min(smallBytes, (way?.blobBytes ?? 0) + 1);
  const small = wanted.filter(isSmall);
  if (way === null || small.length < packFrom) return { packs: [], others: wanted };
  const share = Math.max(packBlobsMin, Math.ceil(small.length / parallel));
  const blobsMax = Math.min(share, packBlobsMax, way.blobs);
  const bytesMax = Math.min(packBytesMax, way.bytes);
  const packs: Item[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const item of small) {
    const needed = item.file.sizeBytes + headerBytesMax;
    const last = packs.at(-1);
    if (last === undefined || last.length === blobsMax || bytes + needed > bytesMax) {
      packs.push([item]);
      bytes = needed;
    } else {
      last.push(item);
      bytes += needed;
    }
  }
  return { packs, others: wanted.filter((item) => !isSmall(item)) };
}

/**
 * The files that are to be sent another time.
 * @param read the bytes of a file
 * @throws AppError what the server refuses of the pack, or of a member, for good
 */
export async function sendPack<Item extends { readonly file: PushFile }>(
  client: ApiClient,
  way: PackWay,
  items: readonly Item[],
  read: (file: PushFile) => Promise<Uint8Array>,
): Promise<readonly Item[]> {
  const files = items.map(({ file }) => file);
  const headers = { 'content-type': packMediaType, 'content-length': String(packBytes(files)) };
  const body = Readable.from(tarOf(files, read), { objectMode: false, highWaterMark: 256 * 1024 });
  const answer = await client.post(way.path, headers, body);
  const members = objectsOf(answer['members']);
  if (members.length !== items.length) throw new AppError('INTERNAL', 'The server answered for another number of blobs.');
  return items.filter((_, index) => {
    const problem = members[index]?.['problem'];
    if (!isJsonObject(problem)) return false;
    const error = toError(problem);
    if (!isTransient(error)) throw error;
    return true;
  });
}

async function* tarOf(files: readonly PushFile[], read: (file: PushFile) => Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    const bytes = await read(file);
    yield Buffer.concat([packHeader(file), bytes, packPadding(bytes.length)]);
  }
  yield packEnd;
}

function toError(problem: JsonObject): AppError {
  return new AppError(knownCode(textOf(problem['code']), Number(problem['status'])), textOf(problem['detail']));
}
