import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { newObjectKey, type ReceivedBlob } from '#blobs/blobs.ts';
import { type BlobFolder, openBlobFolder } from '#test/support/blob-folder.ts';

const never = new AbortController().signal;
const bytes = randomBytes(9_000_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');

describe('blobs over a real connection', () => {
  let folder: BlobFolder;
  let server: Server;
  let port: number;
  let handle: (request: IncomingMessage, response: ServerResponse) => void;

  beforeAll(async () => {
    folder = await openBlobFolder();
    server = http.createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await folder[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for await (const { key } of folder.store.list(never)) await folder.store.remove(key);
    assert.deepEqual(await folder.files(), []);
    await vi.waitFor(async () => assert.deepEqual(await openObjects(folder.path), []));
  });

  const receiving = (): Promise<ReceivedBlob> => {
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedBlob>();
    handle = (request, response) => {
      const options = { limitBytes: 1e9, signal: never };
      folder.blobs
        .receive(folder.store, newObjectKey(), request, options)
        .then(resolve, reject)
        .finally(() => response.end());
    };
    return promise;
  };

  it('receives a body with a length and one in chunks, also from a sender that pauses', async () => {
    for (const headers of [{ 'content-length': bytes.length }, { 'transfer-encoding': 'chunked' }]) {
      const received = receiving();
      const request = http.request({ port, host: '127.0.0.1', method: 'PUT', headers });
      request.once('response', (response) => response.resume());
      for (let at = 0; at < bytes.length; at += 3_000_000) {
        request.write(bytes.subarray(at, at + 3_000_000));
        await sleep(30);
      }
      request.end();
      expect(await received).toMatchObject({ sizeBytes: bytes.length, sha256 });
    }
  });

  it.each([10_000, 5_000_000])('calls a body that ends early after %i bytes interrupted', async (sent) => {
    for (const headers of [{ 'content-length': bytes.length }, { 'transfer-encoding': 'chunked' }]) {
      const received = receiving();
      const request = http.request({ port, host: '127.0.0.1', method: 'PUT', headers });
      request.on('error', () => undefined);
      request.write(bytes.subarray(0, sent), () => request.destroy());
      await expect(received).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED' });
    }
  });

  it('sends to a client, and frees everything when the client goes away', async () => {
    const key = newObjectKey();
    await using writer = await folder.store.create(key, { signal: never });
    await writer.write(bytes);
    await writer.finish();
    const outcomes: Promise<void>[] = [];
    handle = (_, response) => {
      response.setHeader('content-length', bytes.length);
      const sent = folder.store.send(key, response, { signal: never });
      outcomes.push(sent);
      sent.then(
        () => response.end(),
        () => undefined,
      );
    };
    const whole = await fetch(`http://127.0.0.1:${port}/`);
    expect(Buffer.compare(Buffer.from(await whole.arrayBuffer()), bytes)).toBe(0);
    const leaving = http.get({ port, host: '127.0.0.1', agent: false });
    const [response] = await once(leaving, 'response');
    await once(response, 'readable');
    response.destroy();
    await expect(outcomes[1]).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });
});

/** Objects of the store that this process has open. */
async function openObjects(folder: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder));
}
