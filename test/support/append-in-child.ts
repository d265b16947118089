/**
 * A process of its own that appends an endless upload: `node append-in-child.ts CONFIG KEY`. Its bytes are a function of their
 * place (`byteAt`); it prints each checkpoint once it would be on record, as JSON.
 */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { openBlobs } from '#blobs/blobs.ts';
import { patternBytes } from './pattern-bytes.ts';

const [, , configText = '', key = ''] = process.argv;
const config = JSON.parse(configText);
const signal = new AbortController().signal;
const requestBytes = 40_000_001;

await using blobs = await openBlobs({ stores: [config], defaultStore: config.name });
const store = blobs.defaultStore;
let state = (await store.resumable?.begin(key, { signal })) ?? {};
let offset = 0;
for (;;) {
  const append = { store, key, state, offset, sessionId: key };
  ({ state, offset } = await blobs.append(append, Readable.from(pieces(offset, offset + requestBytes)), {
    limitBytes: requestBytes,
    signal,
    async onCheckpoint(checkpoint) {
      process.stdout.write(`${JSON.stringify(checkpoint)}\n`);
    },
  }));
}

async function* pieces(start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += 65_536) {
    yield patternBytes(at, Math.min(65_536, end - at));
    await setImmediate();
  }
}
