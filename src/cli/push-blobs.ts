/** Sends the blobs of a draft: asks which are wanted, small ones in one request, large ones in parts, several at once. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { formatDigestField } from '#base/digest-field.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { type ApiClient, assertLocal } from './api-client.ts';
import { negotiateDocument } from './documents.ts';
import { inParallel } from './in-parallel.ts';
import { objectsOf, textOf, textOrNull } from './json-values.ts';
import { counted, type Progress, type Task } from './progress.ts';
import type { PushFile } from './push-files.ts';
import { type PackWay, planPacks, sendPack } from './push-packs.ts';
import { type Patience, withRetries } from './retry.ts';
import { sendByTus } from './tus-upload.ts';

export interface SendOptions {
  /** Blobs at once. */
  readonly parallel: number;
  /** From this size on a blob goes in parts, and is gone on with after a break. */
  readonly resumableFromBytes: number;
  readonly progress: Progress;
  readonly patience: Patience;
}

/** What a server says of one blob that it wants; paths on it. */
interface Ways {
  readonly putPath: string;
  readonly tusCreatePath: string;
  readonly sessionPath: string | null;
}

interface Wanted {
  readonly file: PushFile;
  readonly ways: Ways;
}

/** Far below what one negotiation takes, in number and, with long paths, in bytes. */
const negotiatedAtOnce = 400;
const partBytes = 16 * 1024 * 1024;
/** Up to this size the file is read whole before it is sent: one round trip less than asking for leave to send it. */
const wholeUpToBytes = 256 * 1024;
/** Uploads of one blob that ended on the server without becoming a blob. */
const beginningsMax = 3;

/** @throws AppError what the server refuses of any blob; nothing that was sent before is lost by it */
export async function pushBlobs(
  client: ApiClient,
  artifactId: string,
  files: readonly PushFile[],
  options: SendOptions,
): Promise<void> {
  const { wanted, packWay } = await negotiate(client, artifactId, files, options);
  const { packs, others } = planPacks(wanted, packWay, options.parallel);
  const works: readonly Work[] = [...packs, ...others.map((item) => [item])].map((items, index) => {
    return index < packs.length ? { items, way: packWay } : { items, way: null };
  });
  await inParallel(works, { parallel: options.parallel, signal: options.patience.signal }, async ({ items, way }, signal) => {
    const under = client.withSignal(signal);
    const patient = { ...options, patience: { ...options.patience, signal } };
    const left = way === null ? items : await sendTogether(under, way, items, patient);
    for (const item of left) await sendAlone(under, artifactId, item, patient);
  });
}

/** One request of several blobs, or, without a way, one blob. */
interface Work {
  readonly items: readonly Wanted[];
  readonly way: PackWay | null;
}

async function sendAlone(client: ApiClient, artifactId: string, item: Wanted, options: SendOptions): Promise<void> {
  const task = options.progress.begin(item.file.path, item.file.sizeBytes);
  try {
    await sendOne(client, artifactId, item, task, options);
    task.end('sent');
  } finally {
    task.end();
  }
}

/** One line while they are sent, and then one for each. Those that are to be sent again by themselves. */
async function sendTogether(
  client: ApiClient,
  way: PackWay,
  items: readonly Wanted[],
  { progress, patience }: SendOptions,
): Promise<readonly Wanted[]> {
  const sizes = items.map(({ file }) => file.sizeBytes);
  const task = progress.begin(
    `${items.length} small files`,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  try {
    const left = await withRetries(patience, () => {
      task.at(0);
      return sendPack(client, way, items, async (file) => {
        const bytes = await readWhole(file);
        task.add(bytes.length);
        return bytes;
      });
    });
    task.end();
    const again = new Set(left);
    for (const item of items) if (!again.has(item)) progress.begin(item.file.path, item.file.sizeBytes).end('sent');
    return left;
  } finally {
    task.end();
  }
}

/** The files that the server does not have, in their order, and where it takes many at once. */
async function negotiate(
  client: ApiClient,
  artifactId: string,
  files: readonly PushFile[],
  { progress, patience }: SendOptions,
): Promise<{ readonly wanted: readonly Wanted[]; readonly packWay: PackWay | null }> {
  const wanted: Wanted[] = [];
  let packWay: PackWay | null = null;
  for (let start = 0; start < files.length; start += negotiatedAtOnce) {
    const some = files.slice(start, start + negotiatedAtOnce);
    const blobs = some.map(({ slot, path, mediaType, sizeBytes, sha256 }) => ({ slot, path, mediaType, sizeBytes, sha256 }));
    const result = await withRetries(patience, () => client.mutate(negotiateDocument, { artifactId, blobs }));
    const answers = objectsOf(result['blobs']);
    packWay = toPackWay(result);
    for (const [index, file] of some.entries()) {
      const upload = answers[index]?.['upload'];
      if (isJsonObject(upload)) wanted.push({ file, ways: toWays(upload) });
      else progress.begin(file.path, file.sizeBytes).end('is there already');
    }
  }
  return { wanted, packWay };
}

function toPackWay({ packUrl, packLimits: limits }: JsonObject): PackWay | null {
  if (typeof packUrl !== 'string' || !isJsonObject(limits)) return null;
  const [blobs, bytes, blobBytes] = [limits['blobs'], limits['bytes'], limits['blobBytes']].map(Number);
  return { path: assertLocal(packUrl), blobs: blobs ?? 0, bytes: bytes ?? 0, blobBytes: blobBytes ?? 0 };
}

function toWays(upload: JsonObject): Ways {
  return {
    putPath: assertLocal(textOf(upload['putUrl'])),
    tusCreatePath: assertLocal(textOf(upload['tusCreateUrl'])),
    sessionPath: textOrNull(upload['sessionUrl']) && assertLocal(textOf(upload['sessionUrl'])),
  };
}

async function sendOne(client: ApiClient, artifactId: string, item: Wanted, task: Task, options: SendOptions): Promise<void> {
  const { file } = item;
  if (file.sizeBytes < options.resumableFromBytes || file.sizeBytes === 0) {
    await withRetries(options.patience, () => put(client, item, task));
    return;
  }
  const { slot, path, mediaType, sha256, sizeBytes } = file;
  let { ways } = item;
  for (let beginnings = 1; ; beginnings += 1) {
    const outcome = await sendByTus({
      ...{ client, task, sizeBytes, partBytes, patience: options.patience },
      createPath: ways.tusCreatePath,
      sessionPath: ways.sessionPath ?? undefined,
      metadata: { artifact: artifactId, slot, path, 'media-type': mediaType, sha256 },
      open: (start, end) => readPiece(file, start, end, task),
    });
    if (outcome === 'finished') return;
    // Finished with an answer that got lost, or ended: the draft knows.
    const [again] = (await negotiate(client, artifactId, [file], { ...options, progress: silent })).wanted;
    if (again === undefined) return;
    if (beginnings === beginningsMax) throw new AppError('UPLOAD_INTERRUPTED', `The server keeps ending the upload of ${path}.`);
    ({ ways } = again);
  }
}

const silent: Progress = { begin: () => ({ add() {}, at() {}, note() {}, end() {} }), end() {} };

async function put(client: ApiClient, { file, ways }: Wanted, task: Task): Promise<void> {
  task.at(0);
  const { sizeBytes, mediaType, sha256 } = file;
  const headers = {
    'content-type': mediaType,
    'content-length': String(sizeBytes),
    'repr-digest': formatDigestField({ sha256 }),
  };
  await client.put(
    ways.putPath,
    headers,
    sizeBytes <= wholeUpToBytes ? await readWhole(file) : readPiece(file, 0, sizeBytes, task),
  );
  task.at(sizeBytes);
}

async function readWhole(file: PushFile): Promise<Uint8Array> {
  const bytes = await readFile(file.file).catch((cause: Error) => {
    throw new AppError('FILE_UNREADABLE', `${file.file} cannot be read: ${cause.message}`, { cause });
  });
  if (bytes.length !== file.sizeBytes) throw changed(file);
  return bytes;
}

/** Only as many bytes as were hashed: a file that grows meanwhile is found out by its digest. */
function readPiece(file: PushFile, start: number, end: number, task: Task): Readable {
  const source = createReadStream(file.file, { start, end: end - 1, highWaterMark: 1024 * 1024 });
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let left = end - start;
    try {
      for await (const chunk of counted(source, task)) {
        left -= chunk.length;
        yield chunk;
      }
    } catch (cause) {
      throw new AppError('FILE_UNREADABLE', `${file.file} cannot be read: ${String(cause)}`, { cause });
    }
    // The server would wait for the rest.
    if (left > 0) throw changed(file);
  }
  return Readable.from(pieces(), { objectMode: false });
}

function changed({ file }: PushFile): AppError {
  return new AppError('FILE_UNREADABLE', `${file} has changed while it was pushed.`);
}
