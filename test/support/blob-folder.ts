/** A filesystem store in a folder of its own, and what lies in that folder. */
import { glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobStore } from '#blobs/blob-store.ts';
import { type Blobs, openBlobs } from '#blobs/blobs.ts';

export interface BlobFolder extends AsyncDisposable {
  readonly blobs: Blobs;
  readonly store: BlobStore;
  readonly path: string;
  /** Every file but the identity: finished objects and half-written ones. */
  files(): Promise<string[]>;
}

export async function openBlobFolder(): Promise<BlobFolder> {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-blobs-'));
  const blobs = await openBlobs({ stores: [{ name: 'files', kind: 'filesystem', path }], defaultStore: 'files' });
  return {
    blobs,
    store: blobs.defaultStore,
    path,
    files: () => Array.fromAsync(glob(['tmp/*', 'staged/*', 'objects/*/*'], { cwd: path })),
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}
