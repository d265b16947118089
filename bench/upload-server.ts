/**
 * A process that receives blobs over HTTP into a store and throws them away: `node upload-server.ts CONFIG`, CONFIG being a
 * store's configuration as JSON. Prints its port, then one line of JSON per upload.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { newObjectKey, openBlobs, type StoreConfig } from '#blobs/blobs.ts';

const config: StoreConfig = JSON.parse(process.argv[2] ?? '');
const blobs = await openBlobs({ stores: [config], defaultStore: config.name });
const signal = new AbortController().signal;

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = newObjectKey();
  const startedAt = performance.now();
  const length = request.headers['content-length'];
  const options = {
    limitBytes: Number.MAX_SAFE_INTEGER,
    expectedBytes: length === undefined ? undefined : Number(length),
    signal,
  };
  const { sizeBytes } = await blobs.receive(blobs.defaultStore, key, request, options);
  const seconds = (performance.now() - startedAt) / 1000;
  await blobs.defaultStore.remove(key);
  response.end('ok');
  console.log(JSON.stringify({ sizeBytes, megabytesPerSecond: sizeBytes / 1e6 / seconds, peakMib: peakMib() }));
}

const server = createServer((request, response) => void receive(request, response));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined }));
});
process.once('SIGTERM', () => {
  server.close();
  void blobs[Symbol.asyncDispose]();
});

/** The largest this process has been in memory (VmHWM), MiB. */
function peakMib(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}
