/** A process of its own that receives one endless or bounded blob into a filesystem store: `node receive-in-child.ts FOLDER [BYTES]`. */
import { Readable } from 'node:stream';
import { isAppError } from '#base/app-error.ts';
import { newObjectKey, openBlobs } from '#blobs/blobs.ts';

const [, , path = '', bytes = 'Infinity'] = process.argv;
const piece = Buffer.alloc(65_536, 1);

await using blobs = await openBlobs({ stores: [{ name: 'files', kind: 'filesystem', path }], defaultStore: 'files' });
const outcome = await blobs
  .receive(blobs.defaultStore, newObjectKey(), Readable.from(pieces(Number(bytes))), {
    limitBytes: Number.MAX_SAFE_INTEGER,
    signal: new AbortController().signal,
    onProgress: (received) => console.log(`received ${received}`),
  })
  .then(
    ({ sizeBytes }) => `done ${sizeBytes}`,
    (error: unknown) => `failed ${isAppError(error) ? error.code : String(error)}`,
  );
console.log(outcome);

function* pieces(total: number): Generator<Buffer> {
  for (let sent = 0; sent < total; sent += piece.length) yield piece;
}
