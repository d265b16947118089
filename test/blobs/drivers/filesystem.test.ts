import { glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystemStore } from '#blobs/drivers/filesystem.ts';
import { type BlobStoreSubject, describeBlobStore } from '#test/suites/blob-store-suite.ts';

describeBlobStore('filesystem', {
  open,
  sizes: [256 * 1024, 256 * 1024 + 1, 512 * 1024 + 17, 40 * 1024 * 1024 + 5],
  resumable: [256 * 1024, 512 * 1024 + 17],
});

async function open(): Promise<BlobStoreSubject> {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-files-'));
  const openAgain = () => openFilesystemStore({ name: 'files', kind: 'filesystem', path });
  return {
    store: await openAgain(),
    reopen: openAgain,
    leftovers: () => Array.fromAsync(glob(['tmp/*', 'staged/*'], { cwd: path })),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
