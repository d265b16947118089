import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { guardSilence, sendBody } from '#blobs/drivers/s3-body.ts';
import { connectS3, type S3Connection } from '#blobs/drivers/s3-connection.ts';
import { textBody } from '#blobs/drivers/s3-multipart.ts';

interface Bench extends AsyncDisposable {
  readonly connection: S3Connection;
}

/** A connection to a server that does as `answer` says. */
async function connectTo(answer: RequestListener): Promise<Bench> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const endpoint = `http://127.0.0.1:${address.port}`;
  const connection = connectS3({
    ...{ kind: 's3', name: 'bench', bucket: 'bucket', endpoint },
    ...{ accessKey: 'key', secretKey: 'secret', idleTimeoutMs: 1000 },
  });
  return {
    connection,
    async [Symbol.asyncDispose]() {
      connection.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a refusal of a store', () => {
  it('counts though the rest of its body never comes', async () => {
    await using bench = await connectTo((_request, response) => {
      response.writeHead(403, { 'content-length': 100 }).write('<Error>');
    });
    await expect(bench.connection.requestText({ method: 'GET', object: 'o' })).rejects.toMatchObject({ status: 403 });
  });

  it('ends its connection where it came before all of the request was read', async () => {
    const reading = Promise.withResolvers<{ readonly isComplete: boolean }>();
    const refused = Promise.withResolvers<void>();
    await using bench = await connectTo((request) => {
      // On the bare socket: Node would read on, and drop it.
      request.socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      request.once('error', () => undefined);
      request.once('close', () => reading.resolve({ isComplete: request.complete }));
      void refused.promise.then(() => request.resume());
    });
    const body = textBody('x'.repeat(32 * 1024 * 1024));
    await expect(bench.connection.request({ method: 'PUT', object: 'o', body })).rejects.toMatchObject({ status: 403 });
    refused.resolve();
    await expect(reading.promise).resolves.toEqual({ isComplete: false });
  });
});

describe('a download from a store', () => {
  it('waits for a reader that pauses over the last bytes', async () => {
    const idleMs = 1000;
    const bytes = Buffer.alloc(300_000, 'x');
    await using bench = await connectTo((_request, response) => response.end(bytes));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const response = await bench.connection.request({ method: 'GET', object: 'o' });
    guardSilence(response, idleMs);
    const paused = Promise.withResolvers<() => void>();
    let taken = 0;
    const reader = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        taken += chunk.length;
        if (chunk.length > 0 && taken === bytes.length) paused.resolve(done);
        else done();
      },
    });
    const sent = sendBody(response, reader, { signal: new AbortController().signal });
    const goOn = await paused.promise;
    await setImmediate();
    vi.advanceTimersByTime(5 * idleMs);
    await setImmediate();
    goOn();
    await expect(sent).resolves.toBeUndefined();
  });
});
