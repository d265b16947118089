/** A closure as one tar: the same bytes whenever and wherever it is made, streamed, of a size that is known beforehand. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { AppError } from '#base/app-error.ts';
import { sha256Hex } from '#core/canonical-json.ts';
import type { ClosureBlob, ClosureNode } from '#core/closure.ts';
import { closureFileName, closurePath } from '#core/closure-path.ts';
import { toSegment } from '#core/path-segment.ts';
import type { LocatedClosure } from './closure-texts.ts';
import { authoriseDownloads } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { type GetClosureInput, locateClosure } from './get-closure.ts';
import { requireComplete } from './require-complete.ts';

export interface ExportClosureTarInput extends Pick<GetClosureInput, 'ref' | 'mode'> {
  /** What is there of a closure that is not complete. */
  readonly partial?: boolean | undefined;
}

export interface ClosureTar {
  /** Strong, without quotes; known before a byte is read. */
  readonly etag: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  /** Begins to read with its first reader. Destroying it frees everything. */
  open(): Readable;
}

interface Entry {
  readonly name: string;
  readonly node: ClosureNode;
  readonly blob: ClosureBlob;
}

/**
 * `closure.json` first, then every blob at `<project>/<type>/<name>/<version or id>/<path>`, sorted, with no times and no owners.
 * @throws AppError as getClosure, CLOSURE_INCOMPLETE, FORBIDDEN
 */
export async function exportClosureTar(context: OpContext, { ref, mode, partial }: ExportClosureTarInput): Promise<ClosureTar> {
  const located = await locateClosure(context, { ref, mode });
  const { closure } = located;
  const downloadable = await authoriseDownloads(context, closure.nodes);
  if (partial !== true) requireComplete(closure);
  const nodes = closure.nodes.filter((node) => downloadable.has(node.id) && isReadable(context, node));
  const entries = nodes
    .flatMap((node) => node.blobs.map((blob): Entry => ({ name: closurePath(node, blob.path), node, blob })))
    .filter(({ node, blob }) => located.locations(node.id, blob.path).length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const manifest = Buffer.from(`${JSON.stringify(closure, null, 2)}\n`);
  const sizes = [
    entrySize(closureFileName, manifest.length),
    ...entries.map(({ name, blob }) => entrySize(name, blob.sizeBytes)),
  ];
  const root = closure.nodes.find(({ id }) => id === closure.root);
  return {
    // The bytes follow from the manifest, which has every digest, and from which of its blobs are in the archive.
    etag: sha256Hex(JSON.stringify(['tar', 1, manifest.toString(), entries.map(({ name }) => name)])),
    fileName: `${toSegment(root?.name ?? closure.root)}${root?.version ? `-${toSegment(root.version)}` : ''}.tar`,
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0) + endBytes,
    open: () => openArchive(context, located, manifest, entries),
  };
}

/** Of a partial export the bytes of a deactivated artifact are left out, but for administrators; of a deleted one for all. */
function isReadable({ caller }: OpContext, node: ClosureNode): boolean {
  return node.state !== 'pending_delete' && (node.state !== 'deactivated' || caller.isAdmin);
}

function openArchive(context: OpContext, located: LocatedClosure, manifest: Buffer, entries: readonly Entry[]): Readable {
  const archive = pack({});
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const write = async (): Promise<void> => {
    archive.entry({ ...header, name: closureFileName, size: manifest.length }, manifest);
    for (const entry of entries) {
      const own = { ...header, name: entry.name, size: entry.blob.sizeBytes };
      if (own.size === 0) archive.entry(own, Buffer.alloc(0));
      else await pipeline(await openEntry(context, located, entry, signal), archive.entry(own), { signal });
    }
    archive.finalize();
  };
  // Wrapped, so that it is a stream of Node's own: destroying it ends the reads below.
  return Readable.from(chunks(), { objectMode: false });

  async function* chunks(): AsyncGenerator<Uint8Array> {
    const writing = write().catch((error: unknown) => {
      archive.destroy(error instanceof Error ? error : new Error(String(error)));
    });
    try {
      for await (const chunk of archive as AsyncIterable<Uint8Array>) yield chunk;
    } finally {
      ended.abort();
      archive.destroy();
      await writing;
    }
  }
}

/** From the first of its places that opens; what a place has lost, another may have. */
async function openEntry(
  { blobs, log }: OpContext,
  { locations }: LocatedClosure,
  { node, blob }: Entry,
  signal: AbortSignal,
): Promise<Readable> {
  for (const [store, key] of locations(node.id, blob.path)) {
    const found = blobs.stores.get(store);
    if (found === undefined) continue;
    try {
      return await found.open(key, { signal });
    } catch (error) {
      signal.throwIfAborted();
      log.warn(
        { err: error, sha256: blob.sha256, store, objectKey: key },
        'a blob of a closure could not be opened in one of its stores',
      );
    }
  }
  throw new AppError('BLOB_UNAVAILABLE');
}

const header = { mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0), type: 'file' } as const;
const blockBytes = 512;
const endBytes = 2 * blockBytes;

/** One header, the bytes in whole blocks, and before them the name as an extended header where the old format cannot hold it. */
function entrySize(name: string, sizeBytes: number): number {
  const own = blockBytes + inBlocks(sizeBytes);
  return fitsHeader(name) ? own : own + blockBytes + inBlocks(extendedBytes(name));
}

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

/** ASCII, at most 100 bytes after at most 155 of leading folders; cut where tar-stream cuts, at the first slash that will do. */
function fitsHeader(name: string): boolean {
  if (Buffer.byteLength(name) !== name.length) return false;
  let rest = name;
  while (rest.length > 100) {
    const slash = rest.indexOf('/');
    if (slash < 0) return false;
    rest = rest.slice(slash + 1);
  }
  return name.length - rest.length - 1 <= 155;
}

/** `<length> path=<name>\n`, where the length counts its own digits. */
function extendedBytes(name: string): number {
  const body = Buffer.byteLength(` path=${name}\n`);
  let total = body + String(body).length;
  if (String(total).length > String(body).length) total = body + String(total).length;
  return total;
}
