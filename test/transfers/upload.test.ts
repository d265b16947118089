import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, stat, unlink } from 'node:fs/promises';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let blue: { readonly authorization: string };
beforeAll(async () => {
  server = await startTestServer();
  blue = await server.tokenFor('blue', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

let id: string;
beforeEach(async () => {
  id = (await createArtifact(server.actAs('blue'), { type: 'kit' })).id;
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const base64 = (bytes: Uint8Array, algorithm: string): string => createHash(algorithm).update(bytes).digest('base64');

/** An upload's answer, or a problem's. */
interface Uploaded {
  readonly url: string;
  readonly revision: number;
  readonly code?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** What a client finds in a JSON body. */
  readonly body: Uploaded;
}

async function put(path: string, content: BodyInit | null, headers: Record<string, string> = {}): Promise<Answer> {
  // As bytes: of a string fetch would say that it is text/plain.
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  const init = { method: 'PUT', body, headers: { ...blue, ...headers }, duplex: 'half' } as RequestInit;
  const response = await fetch(`${server.url}/api/v1/artifacts/${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** Every object of the store, the file with its id aside. */
async function objects(): Promise<string[]> {
  const entries = await readdir(server.storeFolder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.length > 20).map((entry) => join(entry.parentPath, entry.name));
}

async function count(table: string): Promise<number> {
  const [row] = await server.services.db.query<{ count: number }>({ text: `SELECT count(*)::integer AS count FROM ${table}` });
  return row?.count ?? -1;
}

describe('an upload', () => {
  it('is kept with its three digests, under its path, and counts as a change of the draft', async () => {
    const bytes = randomBytes(100_000);
    const before = await getArtifact(server.actAs('blue'), { id });
    const answer = await put(`${id}/slots/main`, bytes, { 'content-type': 'Application/X-Thing' });
    expect(answer.status).toBe(201);
    const url = `/api/v1/artifacts/${id}/slots/main`;
    expect(answer.body).toEqual({
      slot: 'main',
      path: 'main',
      mediaType: 'application/x-thing',
      size: 100_000,
      sha256: sha256(bytes),
      sha512: createHash('sha512').update(bytes).digest('hex'),
      md5: createHash('md5').update(bytes).digest('hex'),
      url,
      revision: before.revision + 1,
    });
    expect(answer.headers.get('location')).toBe(url);
    const stored = await fetch(`${server.url}${url}`, { headers: blue });
    expect(sha256(new Uint8Array(await stored.arrayBuffer()))).toBe(sha256(bytes));
    const after = await getArtifact(server.actAs('blue'), { id });
    expect(after.slots).toMatchObject([{ slot: 'main', sizeBytes: 100_000 }]);
    const [event] = await server.services.db.query<{ kind: string }>({
      text: `SELECT e.kind FROM event e JOIN audit a ON a.tx = e.tx AND a.request_id = e.request_id
        WHERE e.subject_id = '${id}' AND a.action = 'blob:upload' AND e.revision = ${before.revision + 1}`,
    });
    expect(event?.kind).toBe('artifact.blob.attached');
    expect(await count('upload_session')).toBe(0);
  });

  it('may be of unknown length, and may be empty', async () => {
    const chunks = Readable.toWeb(Readable.from([Buffer.alloc(70_000, 1), Buffer.alloc(3, 2)])) as BodyInit;
    expect((await put(`${id}/slots/main`, chunks)).body).toMatchObject({ size: 70_003 });
    expect((await put(`${id}/slots/main`, null)).body).toMatchObject({ size: 0, sha256: sha256(Buffer.alloc(0)) });
  });

  it('names the file of a slot by ?path=, and the entry of a map by its URL, segment by segment', async () => {
    expect((await put(`${id}/slots/main?path=boot/kernel%20x`, 'k')).body).toMatchObject({ path: 'boot/kernel x' });
    const answer = await put(`${id}/slots/docs/a%20b/%C3%BC%23.txt`, 'u');
    expect(answer.body).toMatchObject({ path: 'a b/ü#.txt', url: `/api/v1/artifacts/${id}/slots/docs/a%20b/%C3%BC%23.txt` });
    const stored = await fetch(`${server.url}${answer.body.url}`, { headers: blue });
    expect(await stored.text()).toBe('u');
  });

  it('replaces what a draft held in its place', async () => {
    await put(`${id}/slots/main`, 'old');
    const answer = await put(`${id}/slots/main?path=new.txt`, 'new');
    expect(answer.status).toBe(201);
    const { slots } = await getArtifact(server.actAs('blue'), { id });
    expect(slots).toMatchObject([{ path: 'new.txt', sha256: sha256(Buffer.from('new')) }]);
  });

  it('shares bytes that are known, in one object and one row', async () => {
    const bytes = randomBytes(5_000);
    await put(`${id}/slots/main`, bytes);
    const [kept, rows] = [await objects(), await count('blob')];
    for (const path of ['a', 'b']) expect((await put(`${id}/slots/docs/${path}`, bytes)).status).toBe(201);
    expect(await objects()).toEqual(kept);
    expect(await count('blob')).toBe(rows);
  });

  it.each([
    ['lost', (path: string) => unlink(path)],
    ['cut short', async (path: string) => (await import('node:fs/promises')).truncate(path, 10)],
  ])('heals a blob whose object was %s', async (_name, harm) => {
    const bytes = randomBytes(5_000);
    const before = new Set(await objects());
    await put(`${id}/slots/main`, bytes);
    const [object = ''] = (await objects()).filter((path) => !before.has(path));
    await harm(object);
    const url = `${server.url}/api/v1/artifacts/${id}/slots/main`;
    expect((await fetch(url, { headers: blue })).status).toBe(503);
    expect((await put(`${id}/slots/docs/again`, bytes)).status).toBe(201);
    const healed = await fetch(url, { headers: blue });
    expect(sha256(new Uint8Array(await healed.arrayBuffer()))).toBe(sha256(bytes));
  });

  it('waits for leave when its sender asks for it, and is not sent when it is refused', async () => {
    const send = async (path: string): Promise<{ status: number; continued: boolean }> => {
      const { port } = new URL(server.url);
      const headers: OutgoingHttpHeaders = { ...blue, expect: '100-continue', 'content-length': 4 };
      const request = httpRequest({ port, host: '127.0.0.1', method: 'PUT', path: `/api/v1/artifacts/${path}`, headers });
      let continued = false;
      request.on('continue', () => {
        continued = true;
        request.end('four');
      });
      request.on('error', () => undefined);
      request.flushHeaders();
      const [response] = await once(request, 'response');
      response.resume();
      return { status: response.statusCode, continued };
    };
    expect(await send(`${id}/slots/main`)).toEqual({ status: 201, continued: true });
    expect(await send(`${id}/slots/nothing`)).toEqual({ status: 422, continued: false });
  });
});

describe('a declared digest', () => {
  it.each([
    ['repr-digest', 'sha-256', 'sha256'],
    ['content-digest', 'sha-512', 'sha512'],
    ['repr-digest', 'md5', 'md5'],
  ])('in %s of %s is verified', async (field, name, algorithm) => {
    const bytes = randomBytes(2_000);
    const right = { [field]: `unknown=:AA==:, ${name}=:${base64(bytes, algorithm)}:` };
    expect((await put(`${id}/slots/main`, bytes, right)).status).toBe(201);
    const kept = await objects();
    const wrong = { [field]: `${name}=:${base64(randomBytes(3), algorithm)}:` };
    const answer = await put(`${id}/slots/docs/x`, bytes, wrong);
    expect(answer).toMatchObject({ status: 400, body: { code: 'BLOB_DIGEST_MISMATCH' } });
    expect(await objects()).toEqual(kept);
    expect(await count('upload_session')).toBe(0);
  });

  it('of known bytes spares nobody from sending them', async () => {
    const bytes = randomBytes(2_000);
    await put(`${id}/slots/main`, bytes);
    const green = await server.tokenFor('green', 'member');
    const other = await createArtifact(server.actAs('green'), { type: 'kit' });
    const digest = { ...green, 'repr-digest': `sha-256=:${base64(bytes, 'sha256')}:` };
    expect(await put(`${other.id}/slots/main`, 'guess', digest)).toMatchObject({
      status: 400,
      body: { code: 'BLOB_DIGEST_MISMATCH' },
    });
    expect((await getArtifact(server.actAs('green'), { id: other.id })).slots).toEqual([]);
  });

  it.each([
    ['sha-256=:AAAA:', 'DIGEST_INVALID'],
    ['sha-256=abc', 'DIGEST_INVALID'],
    ['crc32c=:AAAAAA==:', 'DIGEST_UNSUPPORTED'],
  ])('that cannot be read is refused: %s', async (field, code) => {
    expect(await put(`${id}/slots/main`, 'x', { 'repr-digest': field })).toMatchObject({ status: 400, body: { code } });
  });
});

describe('a refusal', () => {
  it.each([
    ['a slot the type has not', 'slots/other', 422, 'SLOT_UNKNOWN'],
    ['a slot named like a property of objects', 'slots/__proto__', 422, 'SLOT_UNKNOWN'],
    ['a map without a path', 'slots/docs', 400, 'PATH_INVALID'],
    ['a path that climbs', 'slots/docs/..%2f..%2fetc', 400, 'PATH_INVALID'],
    ['a dot segment', 'slots/docs/a/%2e%2e/b', 400, 'PATH_INVALID'],
    ['an empty segment', 'slots/docs/a//b', 400, 'PATH_INVALID'],
    ['a NUL', 'slots/docs/a%00b', 400, 'PATH_INVALID'],
    ['a backslash', 'slots/docs/a%5Cb', 400, 'PATH_INVALID'],
    ['an override character', 'slots/docs/%E2%80%AEgpj', 400, 'PATH_INVALID'],
    ['a store nobody configured', 'slots/main?store=else', 400, 'STORE_UNKNOWN'],
  ])('of %s is typed and keeps nothing', async (_name, path, status, code) => {
    const kept = await objects();
    // As it is written: URL would normalise it.
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const head = `PUT /api/v1/artifacts/${id}/${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${blue.authorization}`;
    socket.write(`${head}\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    await once(socket, 'close');
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`"code":"${code}"`);
    expect(await objects()).toEqual(kept);
    expect(await count('upload_session')).toBe(0);
  });

  it('of a media type or size that the slot does not take', async () => {
    const narrow = (await createArtifact(server.actAs('blue'), { type: 'narrow' })).id;
    const json = { 'content-type': 'application/json' };
    expect(await put(`${narrow}/slots/text`, '{}', json)).toMatchObject({
      status: 415,
      body: { code: 'MEDIA_TYPE_UNSUPPORTED' },
    });
    expect((await put(`${narrow}/slots/text`, 'x'.repeat(1000), { 'content-type': 'text/x-y; charset=utf-8' })).status).toBe(201);
    expect(await put(`${narrow}/slots/text`, 'x'.repeat(1001), { 'content-type': 'text/plain' })).toMatchObject({
      status: 413,
      body: { code: 'BLOB_TOO_LARGE' },
    });
    const endless = Readable.toWeb(Readable.from([Buffer.alloc(900), Buffer.alloc(900)])) as BodyInit;
    expect(await put(`${narrow}/slots/text`, endless, { 'content-type': 'text/plain' })).toMatchObject({
      body: { code: 'BLOB_TOO_LARGE' },
    });
    expect((await put(`${narrow}/slots/pair/a`, '1')).body).toMatchObject({ mediaType: 'application/json' });
    expect(await put(`${narrow}/slots/pair/b`, '1', { 'content-type': 'text/html' })).toMatchObject({ status: 415 });
  });

  it('of one blob more than the slot holds, and of a path that another blob has', async () => {
    const narrow = (await createArtifact(server.actAs('blue'), { type: 'narrow' })).id;
    for (const path of ['a', 'b/c']) expect((await put(`${narrow}/slots/pair/${path}`, '1')).status).toBe(201);
    expect(await put(`${narrow}/slots/pair/d`, '1')).toMatchObject({ status: 422, body: { code: 'SLOT_FULL' } });
    expect((await put(`${narrow}/slots/pair/a`, '2')).status).toBe(201);
    for (const path of ['a', 'b', 'b/c/d', 'b/c']) {
      const answer = await put(`${narrow}/slots/text?path=${path}`, '1', { 'content-type': 'text/plain' });
      expect(answer).toMatchObject({ status: 409, body: { code: 'PATH_TAKEN' } });
    }
  });

  it.each([
    ['Notes.md', 'notes.md'],
    ['Änderung', 'äNDERUNG'],
    ['Docs', 'docs/a'],
    ['a/B/c', 'A/b'],
  ])('of the path %s beside %s, which some file systems cannot hold both', async (first, second) => {
    expect((await put(`${id}/slots/docs/${encodeURIComponent(first)}`.replaceAll('%2F', '/'), '1')).status).toBe(201);
    for (const target of [
      `docs/${encodeURIComponent(second).replaceAll('%2F', '/')}`,
      `main?path=${encodeURIComponent(second)}`,
    ]) {
      expect(await put(`${id}/slots/${target}`, '2')).toMatchObject({
        status: 409,
        body: { code: 'PATH_TAKEN', detail: expect.stringContaining(first), details: { path: first } },
      });
    }
    expect((await put(`${id}/slots/docs/${encodeURIComponent(first)}`.replaceAll('%2F', '/'), '3')).status).toBe(201);
  });

  it('of a revision that has passed', async () => {
    const { revision } = await getArtifact(server.actAs('blue'), { id });
    const answer = await put(`${id}/slots/main`, 'x', { 'if-match': `"${revision + 1}"` });
    expect(answer).toMatchObject({ status: 412, body: { code: 'REVISION_CONFLICT', details: { currentRevision: revision } } });
    expect((await put(`${id}/slots/main`, 'x', { 'if-match': `"${revision}"` })).status).toBe(201);
    expect(await put(`${id}/slots/main`, 'x', { 'if-match': 'W/"1"' })).toMatchObject({
      status: 400,
      body: { code: 'INPUT_INVALID' },
    });
  });

  it('of content coding, for blobs are kept as they are', async () => {
    expect(await put(`${id}/slots/main`, 'x', { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
  });

  it('of what is published, or of another project: visible is FORBIDDEN, invisible is not there', async () => {
    await put(`${id}/slots/main`, 'x');
    await updateArtifact(server.actAs('blue'), { id, name: 'shown', version: '1.0.0', visibility: 'community' });
    const green = await server.tokenFor('green', 'member');
    expect((await put(`${id}/slots/main`, 'x', green)).status).toBe(404);
    await publishArtifact(server.actAs('blue'), { id });
    expect(await put(`${id}/slots/main`, 'x')).toMatchObject({ status: 409, body: { code: 'STATE_CONFLICT' } });
    expect(await put(`${id}/slots/main`, 'x', green)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    const reader = await server.tokenFor('blue', 'reader');
    expect(await put(`${id}/slots/main`, 'x', reader)).toMatchObject({ status: 403 });
  });
});

describe('a connection that ends too soon', () => {
  it('leaves nothing, and the place free', async () => {
    const kept = await objects();
    const { port } = new URL(server.url);
    for (const headers of [{ 'content-length': 1_000_000 }, { 'transfer-encoding': 'chunked' }]) {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'PUT',
        path: `/api/v1/artifacts/${id}/slots/main`,
        headers: { ...blue, ...headers },
      });
      request.on('error', () => undefined);
      request.write(randomBytes(200_000));
      await expect.poll(() => count('upload_session')).toBe(1);
      request.destroy();
      await expect.poll(() => count('upload_session')).toBe(0);
      expect(await objects()).toEqual(kept);
    }
    expect((await getArtifact(server.actAs('blue'), { id })).slots).toEqual([]);
    expect((await put(`${id}/slots/main`, 'x')).status).toBe(201);
  });
});

describe('two uploads of one place', () => {
  it('are one upload and one UPLOAD_BUSY while the first still comes', async () => {
    const { port } = new URL(server.url);
    const first = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      path: `/api/v1/artifacts/${id}/slots/main`,
      headers: blue,
    });
    first.write('fir');
    await expect.poll(() => count('upload_session')).toBe(1);
    expect(await put(`${id}/slots/main`, 'second')).toMatchObject({ status: 409, body: { code: 'UPLOAD_BUSY' } });
    expect((await put(`${id}/slots/docs/elsewhere`, 'second')).status).toBe(201);
    first.end('st');
    const [response] = await once(first, 'response');
    response.resume();
    expect(response.statusCode).toBe(201);
    const { slots } = await getArtifact(server.actAs('blue'), { id });
    expect(slots.find(({ slot }) => slot === 'main')?.sha256).toBe(sha256(Buffer.from('first')));
  });

  it('follow each other when the lease of the first has run out: the late one loses, whichever it is', async () => {
    const { port } = new URL(server.url);
    const first = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      path: `/api/v1/artifacts/${id}/slots/main`,
      headers: blue,
    });
    first.write('fir');
    await expect.poll(() => count('upload_session')).toBe(1);
    await server.services.db.query({ text: `UPDATE upload_session SET writer_expires_at = now() - interval '1 s'` });
    expect((await put(`${id}/slots/main`, 'second')).status).toBe(201);
    first.end('st');
    const [response] = await once(first, 'response');
    response.resume();
    expect(response.statusCode).toBe(409);
    const { slots } = await getArtifact(server.actAs('blue'), { id });
    expect(slots).toMatchObject([{ sha256: sha256(Buffer.from('second')) }]);
    await server.services.db.query({ text: 'DELETE FROM upload_session' });
  });
});

describe('a removal', () => {
  it('empties the place, counts as a change, and says when there was nothing', async () => {
    const { body } = await put(`${id}/slots/docs/a/b`, 'x');
    const remove = (headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${server.url}${body.url}`, { method: 'DELETE', headers: { ...blue, ...headers } });
    expect((await remove({ 'if-match': '"999"' })).status).toBe(412);
    expect((await remove()).status).toBe(204);
    const after = await getArtifact(server.actAs('blue'), { id });
    expect(after).toMatchObject({ slots: [], revision: body.revision + 1 });
    const again = await remove();
    expect(again.status).toBe(404);
    expect(await again.json()).toMatchObject({ code: 'BLOB_NOT_FOUND' });
    expect(await server.services.db.query({ text: `SELECT 1 FROM placement WHERE artifact_id = '${id}'` })).toEqual([]);
  });
});

describe('every blob that is referred to', () => {
  it('has an object of its size and digest, after all of this', async () => {
    await sleep(0);
    const rows = await server.services.db.query<{ object_key: string; size_bytes: number; digest_value: string }>({
      text: `SELECT l.object_key, b.size_bytes, b.digest_value FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id
        LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live'`,
    });
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) {
      expect((await server.services.blobs.defaultStore.stat(row.object_key))?.sizeBytes).toBe(row.size_bytes);
      const bytes = await server.services.blobs.defaultStore.read(row.object_key, 0, row.size_bytes + 1);
      expect(sha256(bytes)).toBe(row.digest_value);
    }
    const known = await server.services.db.query<{ object_key: string }>({
      text: `SELECT object_key FROM location WHERE state IN ('live', 'deleting')`,
    });
    const inStore = (await objects()).map((path) => basename(path));
    expect(known.map((row) => row.object_key)).toEqual(expect.arrayContaining(inStore));
    expect((await stat(server.storeFolder)).mode & 0o777).toBe(0o700);
  });
});
