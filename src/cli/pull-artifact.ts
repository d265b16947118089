/** Fetches the blobs of one artifact, or of a whole closure, into a folder. */
import type { IncomingMessage } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { closurePath } from '#core/closure-path.ts';
import { type ApiClient, assertLocal } from './api-client.ts';
import type { SlotView } from './artifact-view.ts';
import { readFailure } from './http-exchange.ts';
import { inParallel } from './in-parallel.ts';
import { objectsOf, textOf, textOrNull } from './json-values.ts';
import type { OutputTree } from './output-tree.ts';
import type { PartFile } from './part-file.ts';
import { counted, type Progress, type Task } from './progress.ts';
import { createRetry, type Patience } from './retry.ts';

/** One blob: where it is, where it goes, and what it has to be. */
export interface PullFile {
  readonly path: string;
  readonly url: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface PullClosureOptions {
  readonly mode: 'pinned' | 'floating';
  /** Takes what is there of a closure that is not complete. */
  readonly partial: boolean;
}

export function toPullFiles(slots: readonly SlotView[]): PullFile[] {
  return slots.map(({ path, url, size, sha256 }) => ({ path, url, sizeBytes: size, sha256 }));
}

/** The closure as the server wrote it. @throws AppError CLOSURE_INCOMPLETE with its problems as faults */
export async function readClosure(client: ApiClient, ref: string, options: PullClosureOptions): Promise<JsonObject> {
  const query = new URLSearchParams({ ref, mode: options.mode, format: 'json', ...(options.partial ? { partial: 'true' } : {}) });
  try {
    const closure: unknown = JSON.parse(await client.getText(`/api/v1/closure?${query}`));
    if (isJsonObject(closure)) return closure;
  } catch (error) {
    throw error instanceof AppError
      ? withProblems(error)
      : new AppError('INTERNAL', 'The closure is not JSON.', { cause: error });
  }
  throw new AppError('INTERNAL', 'The closure is not an object.');
}

/** Each blob at `<project>/<type>/<name>/<version or id>/<path>`; an artifact without a name stands under `_`. */
export function closureFiles(closure: JsonObject): PullFile[] {
  return objectsOf(closure['nodes']).flatMap((node) => {
    const { project, type, name, version, id } = node;
    const place = {
      project: textOf(project),
      type: textOf(type),
      name: textOrNull(name),
      version: textOrNull(version),
      id: textOf(id),
    };
    return objectsOf(node['blobs']).map((blob) => ({
      path: closurePath(place, textOf(blob['path'])),
      url: textOf(blob['url']),
      sizeBytes: Number(blob['sizeBytes']),
      sha256: textOf(blob['sha256']),
    }));
  });
}

export interface PullOptions {
  /** Blobs at once. */
  readonly parallel: number;
  readonly progress: Progress;
  readonly patience: Patience;
}

/** Fetches what is not right already; what came of a file before a break is not fetched again. */
export async function pullFiles(
  client: ApiClient,
  tree: OutputTree,
  files: readonly PullFile[],
  { parallel, progress, patience }: PullOptions,
): Promise<void> {
  for (const { url } of files) assertLocal(url);
  await inParallel(files, { parallel, signal: patience.signal }, async (file, signal) => {
    const task = progress.begin(file.path, file.sizeBytes);
    try {
      await pullFile(client.withSignal(signal), tree, file, task, { ...patience, signal });
      task.end('pulled');
    } finally {
      task.end();
    }
  });
}

async function pullFile(client: ApiClient, tree: OutputTree, file: PullFile, task: Task, patience: Patience): Promise<void> {
  const retry = createRetry(patience);
  await using part = await tree.openPart(file);
  let farthest = part.sizeBytes;
  for (;;) {
    task.at(part.sizeBytes);
    try {
      if (part.sizeBytes < file.sizeBytes) await fetchRest(client, file, part, task);
      await part.finish();
      return;
    } catch (error) {
      // A server that begins anew each time does not go forward.
      if (part.sizeBytes > farthest) retry.progressed();
      farthest = Math.max(farthest, part.sizeBytes);
      if (!isDamaged(error)) await retry.after(error);
      else if (part.isResumed) await part.restart();
      else {
        await part.remove();
        throw error;
      }
    }
  }
}

/** What an earlier run left may be damaged, say by a power cut; what came just now was sent so. */
function isDamaged(error: unknown): boolean {
  return isAppError(error, 'BLOB_DIGEST_MISMATCH') || isAppError(error, 'BLOB_SIZE_MISMATCH');
}

async function fetchRest(client: ApiClient, file: PullFile, part: PartFile, task: Task): Promise<void> {
  const start = part.sizeBytes;
  // Should the blob have changed, If-Range makes the answer the whole of it.
  const headers = start === 0 ? {} : { range: `bytes=${start}-`, 'if-range': `"sha256:${file.sha256}"` };
  const response = await client.request({ method: 'GET', path: file.url, headers });
  try {
    const isRest = response.statusCode === 206 && response.headers['content-range']?.startsWith(`bytes ${start}-`) === true;
    if (!isRest && start > 0) {
      await part.restart();
      task.at(0);
    }
    if (response.statusCode === 416 || (response.statusCode === 206 && !isRest)) {
      throw new AppError('SERVER_UNREACHABLE', `The server sent another part of ${file.path} than was asked for.`);
    }
    if (response.statusCode !== 200 && !isRest) throw await readFailure(response);
    for await (const chunk of counted(chunksOf(response, file.path), task)) await part.append(chunk);
  } finally {
    response.destroy();
  }
}

/** A connection that breaks is the server's trouble, not that of the file being written. */
async function* chunksOf(response: IncomingMessage, path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    throw new AppError('SERVER_UNREACHABLE', `The connection ended while ${path} was coming.`, { cause });
  }
}

/** The problems of a closure are what a reader has to act on. */
export function withProblems(error: AppError): AppError {
  const problems = objectsOf(error.details['problems'] ?? []);
  if (problems.length === 0) return error;
  const faults = problems.map((problem) => ({
    pointer: [textOf(problem['kind']), textOrNull(problem['alias'])].filter((part) => part !== null).join(' '),
    message: textOf(problem['message']),
  }));
  return new AppError(error.code, error.message, { faults, details: error.details, cause: error });
}
