/** Sends one file in parts over tus 1.0, goes on where it broke off, and waits until the server has verified it. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import type { ApiClient } from './api-client.ts';
import { knownCode, readFailure, readText, toFaults } from './http-exchange.ts';
import { textOf } from './json-values.ts';
import type { Task } from './progress.ts';
import { createRetry, type Patience, type Retry } from './retry.ts';

export interface TusUpload {
  readonly client: ApiClient;
  /** Path on the server where uploads are made. */
  readonly createPath: string;
  /** An upload that was begun before; its path on the server. */
  readonly sessionPath?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  readonly partBytes: number;
  /** The bytes from `start` up to and without `end`. */
  readonly open: (start: number, end: number) => Readable;
  readonly task: Task;
  readonly patience: Patience;
}

/** `gone`: the server knows nothing of the upload any more, because it was finished, or because it was ended. */
export type TusOutcome = 'finished' | 'gone';

const tusHeaders = { 'tus-resumable': '1.0.0' };
const answerBytesMax = 1024 * 1024;
/** Verifying reads everything once more; nobody need be asked more often about it. */
const pollPauseMs = { first: 100, most: 2_000 };

/** An upload that is not there, or no more. */
class GoneError extends Error {}

/** @throws AppError what the server refuses; or the last failure when none of many tries went forward */
export async function sendByTus(upload: TusUpload): Promise<TusOutcome> {
  const retry = createRetry(upload.patience);
  const path = upload.sessionPath ?? (await untilDone(retry, () => createUpload(upload)));
  try {
    await untilGone(() => sendParts(upload, path, retry));
    // Also of one that is gone: it may say why.
    await waitUntilVerified(upload, path, retry);
    return 'finished';
  } catch (error) {
    if (error instanceof GoneError) return 'gone';
    throw error;
  }
}

async function untilGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GoneError)) throw error;
  }
}

async function sendParts(upload: TusUpload, path: string, retry: Retry): Promise<void> {
  const { sizeBytes, partBytes, task } = upload;
  // Unknown until the server has said it: it keeps what came before a connection broke.
  let offset: number | undefined;
  let farthest = -1;
  while (offset !== sizeBytes) {
    const known: number | undefined = offset;
    try {
      offset =
        known === undefined
          ? await readOffset(upload, path)
          : await sendPart(upload, path, known, Math.min(known + partBytes, sizeBytes));
    } catch (error) {
      offset = undefined;
      await retry.after(error);
      continue;
    }
    if (known === undefined) task.at(offset);
    if (offset > farthest) {
      farthest = offset;
      retry.progressed();
    }
  }
}

/** The path of a new upload; or of one that the server has of the same bytes for the same place. */
async function createUpload({ client, createPath, metadata, sizeBytes }: TusUpload): Promise<string> {
  const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`);
  const headers = { ...tusHeaders, 'upload-length': String(sizeBytes), 'upload-metadata': pairs.join(',') };
  const response = await client.request({ method: 'POST', path: createPath, headers: { ...headers, 'content-length': '0' } });
  if (response.statusCode !== 201) throw await toFailure(response, 'creation');
  response.resume();
  const { location } = response.headers;
  const base = new URL('http://server');
  const url = location === undefined || !URL.canParse(location, base) ? undefined : new URL(location, base);
  // Only the path counts: the caller's token goes to no other server than the one it is for.
  const at = url?.pathname.indexOf(`${createPath}/`) ?? -1;
  if (url === undefined || at < 0) throw new AppError('INTERNAL', `The server named a strange address: ${location ?? 'none'}`);
  return url.pathname.slice(at);
}

async function readOffset({ client, sizeBytes }: TusUpload, path: string): Promise<number> {
  const response = await client.request({ method: 'HEAD', path, headers: tusHeaders });
  if (!isSuccess(response)) throw await toFailure(response, 'upload');
  response.resume();
  return toOffset(response, 0, sizeBytes);
}

async function sendPart({ client, sizeBytes, open, task }: TusUpload, path: string, start: number, end: number): Promise<number> {
  const headers = {
    ...tusHeaders,
    'content-type': 'application/offset+octet-stream',
    'upload-offset': String(start),
    'content-length': String(end - start),
  };
  const response = await client.request({ method: 'PATCH', path, headers, body: open(start, end) });
  if (!isSuccess(response)) throw await toFailure(response, 'upload');
  response.resume();
  const offset = toOffset(response, start, sizeBytes);
  if (offset !== end) task.at(offset);
  return offset;
}

/** @throws AppError as SERVER_UNREACHABLE what a proxy or another server must have said */
function toOffset(response: IncomingMessage, least: number, most: number): number {
  const text = String(response.headers['upload-offset'] ?? '');
  const offset = Number(text);
  if (/^\d{1,16}$/.test(text) && offset >= least && offset <= most) return offset;
  throw new AppError('SERVER_UNREACHABLE', `The server named a strange offset: ${text || 'none'}`);
}

async function waitUntilVerified(upload: TusUpload, path: string, retry: Retry): Promise<void> {
  const { client, task, patience } = upload;
  for (let pauseMs = pollPauseMs.first; ; pauseMs = Math.min(2 * pauseMs, pollPauseMs.most)) {
    const state = await untilDone(retry, () => readState(client, path));
    switch (textOf(state['state'])) {
      case 'finished':
        return;
      case 'verifying':
        retry.progressed();
        task.note('verifying');
        await sleep(pauseMs, undefined, { signal: patience.signal });
        break;
      case 'open':
      case 'receiving':
        // All bytes are there, and another request is about to say so.
        await retry.after(new AppError('UPLOAD_BUSY'));
        break;
      default:
        throw toStateError(state);
    }
  }
}

async function readState(client: ApiClient, path: string): Promise<JsonObject> {
  const response = await client.request({ method: 'GET', path });
  if (!isSuccess(response)) throw await toFailure(response, 'upload');
  const value: unknown = JSON.parse(await readText(response, answerBytesMax));
  return isJsonObject(value) ? value : {};
}

/** Why an upload ended without a blob. One that only ran out can be begun again. */
function toStateError(state: JsonObject): Error {
  const error = isJsonObject(state['error']) ? state['error'] : {};
  const code = textOf(error['code']);
  if (code === '') return new GoneError();
  const message = textOf(error['message'] ?? error['detail']) || `The upload has ${textOf(state['state'])}.`;
  return new AppError(knownCode(code, 500), message, { faults: toFaults(error['faults'] ?? error['errors']) });
}

async function untilDone<Result>(retry: Retry, attempt: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await retry.after(error);
    }
  }
}

/** Locks and offsets that moved are for the next try, which asks for the offset first. */
async function toFailure(response: IncomingMessage, what: 'creation' | 'upload'): Promise<Error> {
  const status = response.statusCode ?? 0;
  const failure = await readFailure(response);
  if (what === 'upload' && (status === 404 || status === 410)) return new GoneError();
  const isInTheWay = status === 423 || (status === 409 && /^UPLOAD_|^INPUT_INVALID$/.test(failure.code));
  return what === 'upload' && isInTheWay ? new AppError('UPLOAD_BUSY', failure.message, { cause: failure }) : failure;
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}
