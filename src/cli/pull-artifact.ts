/** Fetches the blobs of one artifact, or of a whole closure, into a folder. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { closurePath } from '#core/closure-path.ts';
import type { ApiClient } from './api-client.ts';
import type { SlotView } from './artifact-view.ts';
import { objectsOf, textOf, textOrNull } from './json-values.ts';
import type { OutputTree } from './output-tree.ts';
import { counted, type Progress } from './progress.ts';

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

export async function pullFiles(
  client: ApiClient,
  tree: OutputTree,
  files: readonly PullFile[],
  progress: Progress,
): Promise<void> {
  for (const file of files) {
    // Names a path of this server: an answer must not send the caller's token elsewhere.
    if (!file.url.startsWith('/') || file.url.startsWith('//'))
      throw new AppError('INTERNAL', `The server named a strange address: ${file.url}`);
    progress.begin(file.path);
    const response = await client.get(file.url);
    try {
      await tree.write(file, counted(chunksOf(response, file.path), progress));
    } finally {
      response.destroy();
    }
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
