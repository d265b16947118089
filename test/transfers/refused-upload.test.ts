import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let blue: { readonly authorization: string };
beforeAll(async () => {
  server = await startTestServer({ settings: { maxBlobBytes: 300_000 } });
  blue = await server.tokenFor('blue', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

const chunk = Buffer.alloc(64 * 1024, 7);

/** Sends chunks of unknown number for as long as they are taken, and looks up only when an answer is there. */
async function sendWithoutEnd(path: string, headers: OutgoingHttpHeaders = {}): Promise<IncomingMessage> {
  const target = { port: new URL(server.url).port, host: '127.0.0.1', method: 'PUT', path };
  const request = httpRequest({ ...target, headers: { ...blue, 'transfer-encoding': 'chunked', ...headers } });
  const answered = once(request, 'response');
  if (headers['expect'] === undefined) request.flushHeaders();
  else await once(request, 'continue');
  let response: IncomingMessage | undefined;
  answered.then(
    ([first]) => (response = first),
    () => undefined,
  );
  while (response === undefined) {
    if (!request.write(chunk)) await Promise.race([once(request, 'drain'), answered]);
  }
  request.destroy();
  return response;
}

async function slotOfNewDraft(): Promise<string> {
  const draft = await createArtifact(server.actAs('blue'), { type: 'bundle' });
  return `/api/v1/artifacts/${draft.id}/slots/files/big`;
}

describe('an upload that is refused while it is being sent', () => {
  it.each([
    ['that was given leave to send', { expect: '100-continue' }],
    ['that sends unasked', {}],
  ])('tells its sender why, on the same connection: one %s', async (_name, headers) => {
    const path = await slotOfNewDraft();
    const response = await sendWithoutEnd(path, headers);
    expect(response.statusCode).toBe(413);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const again = await fetch(`${server.url}${path}`, { method: 'PUT', body: 'small', headers: blue });
    expect(again.status).toBe(201);
  });

  it('has its line in the log, with the status it was answered', async () => {
    const path = await slotOfNewDraft();
    await sendWithoutEnd(path);
    const lines = () => server.logged.filter((line) => line['path'] === path && line['msg'] === 'request');
    await expect.poll(lines).toMatchObject([{ method: 'PUT', status: 413 }]);
  });

  it('leaves the connection to a next request when it had little more to say', async () => {
    const path = await slotOfNewDraft();
    const body = Buffer.alloc(400_000);
    const answer = await fetch(`${server.url}${path}`, { method: 'PUT', body, headers: blue });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'BLOB_TOO_LARGE' });
  });
});
