import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { encodeMetadata, sha256, type TusAnswer, type TusHeaders, tusRequest } from '#test/support/tus-request.ts';

const maxBlobBytes = 1_000_000;
const version = { 'Tus-Resumable': '1.0.0' };
const offsetType = { 'Content-Type': 'application/offset+octet-stream' };

let server: TestServer;
let blue: { readonly authorization: string };
beforeAll(async () => {
  server = await startTestServer({ settings: { maxBlobBytes } });
  blue = await server.tokenFor('blue', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

let id: string;
beforeEach(async () => {
  id = (await createArtifact(server.actAs('blue'), { type: 'kit' })).id;
});

const place = (more: Readonly<Record<string, string>> = {}) => encodeMetadata({ artifact: id, slot: 'main', ...more });

function send(method: string, path: string, headers: TusHeaders, body?: Uint8Array): Promise<TusAnswer> {
  return tusRequest(method, `${server.url}${path}`, { ...blue, ...headers }, body);
}

function create(headers: TusHeaders, body?: Uint8Array): Promise<TusAnswer> {
  return send('POST', '/api/v1/uploads', { ...version, 'Upload-Metadata': place(), ...headers }, body);
}

async function begin(length: number, headers: TusHeaders = {}): Promise<string> {
  const answer = await create({ 'Upload-Length': length, ...headers });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.headers.location ?? '';
}

function patch(path: string, offset: number | string, bytes: Uint8Array, headers: TusHeaders = {}): Promise<TusAnswer> {
  return send('PATCH', path, { ...version, ...offsetType, 'Upload-Offset': offset, ...headers }, bytes);
}

const head = (path: string) => send('HEAD', path, version);
const show = async (path: string) => (await send('GET', path, {})).body;
const code = (answer: TusAnswer) => answer.body?.['code'];

async function sessions(): Promise<readonly { readonly state: string }[]> {
  return server.services.db.query({ text: `SELECT state FROM upload_session WHERE artifact_id = $1` }, [id]);
}

async function stored(): Promise<string | undefined> {
  const answer = await fetch(`${server.url}/api/v1/artifacts/${id}/slots/main`, { headers: blue });
  return answer.status === 200 ? sha256(new Uint8Array(await answer.arrayBuffer())) : undefined;
}

describe('the version of the protocol', () => {
  it('is told by OPTIONS, with the extensions, which needs none itself', async () => {
    const answer = await send('OPTIONS', '/api/v1/uploads', {});
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation',
      'tus-max-size': String(maxBlobBytes),
      'tus-checksum-algorithm': 'sha1,md5,sha256,sha512',
    });
  });

  it.each(['POST', 'HEAD', 'PATCH', 'DELETE'])(
    'stands in every %s, or it is 412 with the version spoken here',
    async (method) => {
      const path = method === 'POST' ? '/api/v1/uploads' : await begin(10);
      for (const other of [{}, { 'Tus-Resumable': '0.2.2' }, { 'Tus-Resumable': ['1.0.0', '1.0.0'] }]) {
        const answer = await send(method, path, { ...other, 'Upload-Length': 10, 'Upload-Metadata': place() });
        expect(answer.status).toBe(412);
        expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' });
      }
    },
  );

  it('stands in every answer, also in refusals of other stages', async () => {
    const unknown = '/api/v1/uploads/00000000-0000-4000-8000-000000000000';
    const answers = [
      await create({ 'Upload-Length': 10 }),
      await send('HEAD', unknown, version),
      await send('PUT', unknown, version),
      await tusRequest('HEAD', `${server.url}${unknown}`, { ...version, Authorization: 'Bearer nonsense' }),
      await send('HEAD', `${unknown}/more`, version),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 404, 405, 401, 404]);
    for (const { headers } of answers) expect(headers['tus-resumable']).toBe('1.0.0');
  });
});

describe('creation', () => {
  it('answers where the upload is, when it expires, and HEAD its offset, length and metadata', async () => {
    const metadata = place({ 'media-type': 'text/x-thing', path: 'a/b.txt', filename: 'x' });
    const created = await create({ 'Upload-Length': 10, 'Upload-Metadata': metadata });
    expect(created.status).toBe(201);
    expect(created.headers.location).toMatch(/^\/api\/v1\/uploads\/[0-9a-f-]{36}$/);
    const expires = Date.parse(String(created.headers['upload-expires']));
    expect(Math.abs(expires - Date.now() - server.services.settings.uploadTtlMs)).toBeLessThan(60_000);
    const answer = await head(created.headers.location ?? '');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'upload-offset': '0',
      'upload-length': '10',
      'upload-metadata': metadata,
      'cache-control': 'no-store',
      'vitrine-upload-state': 'open',
    });
  });

  it.each([
    ['no length', {}, 400],
    ['both lengths', { 'Upload-Length': 1, 'Upload-Defer-Length': 1 }, 400],
    ['a deferred length of another kind', { 'Upload-Defer-Length': 2 }, 400],
    ['a negative length', { 'Upload-Length': -1 }, 400],
    ['a length that is no number', { 'Upload-Length': 'NaN' }, 400],
    ['a length with a sign', { 'Upload-Length': '+1' }, 400],
    ['a length in hexadecimal', { 'Upload-Length': '0x10' }, 400],
    ['a fraction', { 'Upload-Length': '1.5' }, 400],
    ['a length beyond exact numbers', { 'Upload-Length': '9007199254740993' }, 400],
    ['a length of many digits', { 'Upload-Length': '1'.repeat(400) }, 400],
    ['two lengths', { 'Upload-Length': ['1', '1'] }, 400],
    ['a length above the limit', { 'Upload-Length': maxBlobBytes + 1 }, 413],
    ['a place that is none', { 'Upload-Length': 1, 'Upload-Metadata': encodeMetadata({ slot: 'main' }) }, 400],
    ['no metadata', { 'Upload-Length': 1, 'Upload-Metadata': '' }, 400],
    ['metadata that is no base64', { 'Upload-Length': 1, 'Upload-Metadata': 'artifact %%%' }, 400],
    ['metadata that is no UTF-8', { 'Upload-Length': 1, 'Upload-Metadata': 'artifact //79' }, 400],
    ['a key twice', { 'Upload-Length': 1, 'Upload-Metadata': 'a YQ==,a YQ==' }, 400],
    ['much metadata', { 'Upload-Length': 1, 'Upload-Metadata': `a ${'YWFh'.repeat(2100)}` }, 400],
    ['a body of another type', { 'Upload-Length': 1, 'Content-Type': 'text/plain' }, 415],
    ['an unknown way to join', { 'Upload-Length': 1, 'Upload-Concat': 'whole' }, 400],
    ['a join of what is no upload', { 'Upload-Concat': 'final;/api/v1/other/x' }, 400],
    ['a digest that is none', { 'Upload-Length': 1, 'Repr-Digest': 'sha-256=:AAAA:' }, 400],
  ])('refuses %s', async (_what, headers, status) => {
    const answer = await create(headers);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(await sessions()).toEqual([]);
  });

  it('refuses what an upload in one request is refused for, with its codes', async () => {
    const refused = async (more: Record<string, string>) =>
      code(await create({ 'Upload-Length': 1, 'Upload-Metadata': encodeMetadata({ artifact: id, slot: 'main', ...more }) }));
    expect(await refused({ slot: 'nothing' })).toBe('SLOT_UNKNOWN');
    expect(await refused({ path: '../up' })).toBe('PATH_INVALID');
    expect(await refused({ store: 'nowhere' })).toBe('STORE_UNKNOWN');
    expect(await refused({ artifact: '00000000-0000-4000-8000-000000000000' })).toBe('ARTIFACT_NOT_FOUND');
    expect(await refused({ sha256: 'abc' })).toBe('DIGEST_INVALID');
    const foreign = await tusRequest('POST', `${server.url}/api/v1/uploads`, {
      ...(await server.tokenFor('red', 'member')),
      ...version,
      ...{ 'Upload-Length': 1, 'Upload-Metadata': place() },
    });
    expect([foreign.status, code(foreign)]).toEqual([404, 'ARTIFACT_NOT_FOUND']);
    const stale = await create({ 'Upload-Length': 1, 'If-Match': '"99"' });
    expect([stale.status, code(stale)]).toEqual([412, 'REVISION_CONFLICT']);
  });

  it('of the same bytes in the same place finds the same upload, and of others replaces an idle one', async () => {
    const digest = { 'Upload-Metadata': place({ sha256: sha256(Buffer.from('abcdef')) }) };
    const first = await begin(6, digest);
    await patch(first, 0, Buffer.from('abc'));
    expect(await begin(6, digest)).toBe(first);
    expect((await head(first)).headers['upload-offset']).toBe('3');
    const second = await begin(7);
    expect(second).not.toBe(first);
    expect((await head(first)).status).toBe(404);
    // Without a digest nobody can tell whether it is the same.
    expect(await begin(7)).not.toBe(second);
  });

  it('of a colleague waits until the place is free', async () => {
    const first = await begin(6);
    const colleague = { ...version, ...(await server.tokenFor('blue', 'member')) };
    await server.services.db.query({ text: `UPDATE upload_session SET created_by = 'somebody else' WHERE artifact_id = $1` }, [
      id,
    ]);
    const asked = { ...colleague, 'Upload-Length': 6, 'Upload-Metadata': place() };
    const busy = await tusRequest('POST', `${server.url}/api/v1/uploads`, asked);
    expect([busy.status, code(busy)]).toEqual([409, 'UPLOAD_BUSY']);
    const put = await fetch(`${server.url}/api/v1/artifacts/${id}/slots/main`, { method: 'PUT', body: 'x', headers: blue });
    expect(put.status).toBe(409);
    expect((await tusRequest('DELETE', `${server.url}${first}`, colleague)).status).toBe(204);
    expect((await tusRequest('POST', `${server.url}/api/v1/uploads`, asked)).status).toBe(201);
  });

  it('gives way to an upload in one request of the same caller', async () => {
    const path = await begin(6);
    await patch(path, 0, Buffer.from('abc'));
    const put = await fetch(`${server.url}/api/v1/artifacts/${id}/slots/main`, { method: 'PUT', body: 'x', headers: blue });
    expect(put.status).toBe(201);
    expect((await head(path)).status).toBe(404);
  });

  it('of nothing is an upload that is finished', async () => {
    const path = await begin(0);
    expect((await head(path)).headers).toMatchObject({ 'upload-offset': '0', 'vitrine-upload-state': 'finished' });
    expect(await stored()).toBe(sha256(Buffer.alloc(0)));
  });

  it('with a body takes it as the first bytes', async () => {
    const created = await create({ 'Upload-Length': 6, ...offsetType }, Buffer.from('abc'));
    expect(created.status).toBe(201);
    expect(created.headers['upload-offset']).toBe('3');
    const last = await patch(created.headers.location ?? '', 3, Buffer.from('def'));
    expect(last.status).toBe(204);
    expect(await stored()).toBe(sha256(Buffer.from('abcdef')));
  });

  it('with all of its bytes ends in one request', async () => {
    const bytes = randomBytes(300_000);
    const metadata = place({ sha256: sha256(bytes) });
    const created = await create({ 'Upload-Length': bytes.length, 'Upload-Metadata': metadata, ...offsetType }, bytes);
    expect(created.headers).toMatchObject({ 'upload-offset': '300000', 'vitrine-upload-state': 'finished' });
    expect(await stored()).toBe(sha256(bytes));
  });
});

describe('a PATCH', () => {
  it('puts bytes at the offset, and with the last of them the blob into its slot, as any upload does', async () => {
    const bytes = randomBytes(500_000);
    const before = await getArtifact(server.actAs('blue'), { id });
    const path = await begin(bytes.length);
    for (let offset = 0; offset < bytes.length; offset += 100_000) {
      const answer = await patch(path, offset, bytes.subarray(offset, offset + 100_000));
      expect(answer.status).toBe(204);
      expect(answer.headers['upload-offset']).toBe(String(offset + 100_000));
    }
    const { revision, slots } = await getArtifact(server.actAs('blue'), { id });
    expect(revision).toBe(before.revision + 1);
    expect(slots).toMatchObject([{ slot: 'main', sizeBytes: bytes.length, sha256: sha256(bytes) }]);
    expect(await show(path)).toMatchObject({
      state: 'finished',
      offset: bytes.length,
      entry: {
        sha256: sha256(bytes),
        sha512: createHash('sha512').update(bytes).digest('hex'),
        md5: createHash('md5').update(bytes).digest('hex'),
        url: `/api/v1/artifacts/${id}/slots/main`,
      },
    });
    const [row] = await server.services.db.query<{ events: number; audits: number }>(
      {
        text: `SELECT (SELECT count(*)::integer FROM event WHERE subject_id = $1 AND kind = 'artifact.blob.attached') AS events,
          (SELECT count(*)::integer FROM audit WHERE subject_id = $1 AND action = 'blob:upload' AND caller <> '') AS audits`,
      },
      [id],
    );
    expect(row).toEqual({ events: 1, audits: 1 });
    expect(await stored()).toBe(sha256(bytes));
  });

  it('is 409 at another offset, and says which', async () => {
    const path = await begin(10);
    await patch(path, 0, Buffer.from('abc'));
    for (const offset of [0, 2, 4, 10, 1_000_000]) {
      const answer = await patch(path, offset, Buffer.from('x'));
      expect([answer.status, code(answer), answer.headers['upload-offset']]).toEqual([409, 'UPLOAD_OFFSET_MISMATCH', '3']);
    }
  });

  it.each([
    ['of another type', { 'Content-Type': 'application/octet-stream' }, 0, 415],
    ['without a type', { 'Content-Type': '' }, 0, 415],
    ['with a content coding', { 'Content-Encoding': 'gzip' }, 0, 415],
    ['at a negative offset', {}, -1, 400],
    ['at no number', {}, 'NaN', 400],
    ['at an empty offset', {}, '', 400],
    ['at an offset beyond exact numbers', {}, '9007199254740993', 400],
    ['with a checksum that is none', { 'Upload-Checksum': 'sha1' }, 0, 400],
    ['with a checksum of another length', { 'Upload-Checksum': 'sha1 AAAA' }, 0, 400],
    ['with a checksum of an unknown kind', { 'Upload-Checksum': 'crc32 AAAAAA==' }, 0, 400],
    ['with another length', { 'Upload-Length': 11 }, 0, 400],
  ])('%s is refused, and nothing of it kept', async (_what, headers, offset, status) => {
    const path = await begin(10);
    const answer = await patch(path, offset, Buffer.from('abc'), headers);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect((await head(path)).headers['upload-offset']).toBe('0');
  });

  it('without an offset is refused', async () => {
    const path = await begin(10);
    expect((await send('PATCH', path, { ...version, ...offsetType }, Buffer.from('abc'))).status).toBe(400);
  });

  it('with more bytes than the upload has is 413, told by its length before they come, or as they come', async () => {
    const path = await begin(5);
    expect((await patch(path, 0, Buffer.from('abcdef'))).status).toBe(413);
    const chunked = await patch(path, 0, Buffer.from('abcdef'), { 'Transfer-Encoding': 'chunked' });
    expect(chunked.status).toBe(413);
    const offset = Number((await head(path)).headers['upload-offset']);
    expect(offset).toBeLessThanOrEqual(5);
    expect(await stored()).toBeUndefined();
  });

  it('of an upload of unknown length stops at the limit', async () => {
    const { headers } = await create({ 'Upload-Defer-Length': 1 });
    const answer = await patch(headers.location ?? '', 0, Buffer.alloc(maxBlobBytes + 1), { 'Transfer-Encoding': 'chunked' });
    expect(answer.status).toBe(413);
  });

  it('once more at the end, with nothing, is as good as the last', async () => {
    const path = await begin(3);
    expect((await patch(path, 0, Buffer.from('abc'))).status).toBe(204);
    const again = await patch(path, 3, Buffer.alloc(0));
    expect([again.status, again.headers['upload-offset']]).toEqual([204, '3']);
    expect((await patch(path, 3, Buffer.from('x'))).status).toBe(413);
  });

  it('of another project finds nothing, nor do its other requests', async () => {
    const path = await begin(3);
    const red = { ...version, ...(await server.tokenFor('red', 'member')) };
    const answers = [
      await tusRequest('HEAD', `${server.url}${path}`, red),
      await tusRequest('GET', `${server.url}${path}`, red),
      await tusRequest('DELETE', `${server.url}${path}`, red),
      await tusRequest('PATCH', `${server.url}${path}`, { ...red, ...offsetType, 'Upload-Offset': 0 }, Buffer.from('abc')),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect((await head(path)).headers['upload-offset']).toBe('0');
    const reader = { ...version, ...(await server.tokenFor('blue', 'reader')) };
    expect((await tusRequest('HEAD', `${server.url}${path}`, reader)).status).toBe(403);
  });

  it('may be a POST that says so', async () => {
    const path = await begin(3);
    const headers = { ...version, ...offsetType, 'Upload-Offset': 0, 'X-HTTP-Method-Override': 'PATCH' };
    expect((await send('POST', path, headers, Buffer.from('abc'))).status).toBe(204);
    expect(await stored()).toBe(sha256(Buffer.from('abc')));
    expect((await send('POST', path, { ...version, 'X-HTTP-Method-Override': 'BREW' })).status).toBe(405);
    expect((await send('POST', path, version)).status).toBe(405);
  });

  it('into an artifact that is no draft any more is refused', async () => {
    const path = await begin(3);
    await server.services.db.query({ text: `UPDATE artifact SET state = 'active' WHERE id = $1` }, [id]);
    const answer = await patch(path, 0, Buffer.from('abc'));
    expect([answer.status, code(answer)]).toEqual([409, 'STATE_CONFLICT']);
  });
});

describe('a length that is said later', () => {
  it('is missing in HEAD, and ends the upload when it is reached', async () => {
    const { headers } = await create({ 'Upload-Defer-Length': 1 });
    const path = headers.location ?? '';
    expect((await head(path)).headers).toMatchObject({ 'upload-defer-length': '1', 'upload-offset': '0' });
    expect((await patch(path, 0, Buffer.from('abc'))).status).toBe(204);
    expect((await patch(path, 3, Buffer.from('d'), { 'Upload-Length': 2 })).status).toBe(400);
    expect((await patch(path, 3, Buffer.from('d'), { 'Upload-Length': maxBlobBytes + 1 })).status).toBe(413);
    expect((await patch(path, 3, Buffer.from('d'), { 'Upload-Length': 6 })).status).toBe(204);
    expect((await head(path)).headers['upload-length']).toBe('6');
    expect((await patch(path, 4, Buffer.from('e'), { 'Upload-Length': 7 })).status).toBe(400);
    expect((await patch(path, 4, Buffer.from('ef'))).headers['vitrine-upload-state']).toBe('finished');
    expect(await stored()).toBe(sha256(Buffer.from('abcdef')));
  });

  it('may come alone, after all bytes', async () => {
    const { headers } = await create({ 'Upload-Defer-Length': 1 });
    const path = headers.location ?? '';
    await patch(path, 0, Buffer.from('abc'));
    const last = await patch(path, 3, Buffer.alloc(0), { 'Upload-Length': 3 });
    expect(last.headers).toMatchObject({ 'upload-offset': '3', 'vitrine-upload-state': 'finished' });
    expect(await stored()).toBe(sha256(Buffer.from('abc')));
  });
});

describe('a checksum of a request', () => {
  const digest = (algorithm: string, bytes: Uint8Array) => ({
    'Upload-Checksum': `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`,
  });

  it.each(['sha1', 'md5', 'sha256', 'sha512'])('of %s is compared, and nothing kept of what differs', async (algorithm) => {
    const path = await begin(6);
    expect((await patch(path, 0, Buffer.from('abc'), digest(algorithm, Buffer.from('abc')))).status).toBe(204);
    const wrong = await patch(path, 3, Buffer.from('dex'), digest(algorithm, Buffer.from('def')));
    expect([wrong.status, code(wrong)]).toEqual([460, 'UPLOAD_CHECKSUM_MISMATCH']);
    expect((await head(path)).headers['upload-offset']).toBe('3');
    expect((await patch(path, 3, Buffer.from('def'), digest(algorithm, Buffer.from('def')))).status).toBe(204);
    expect(await stored()).toBe(sha256(Buffer.from('abcdef')));
  });

  it('is compared at creation too', async () => {
    const answer = await create({ 'Upload-Length': 3, ...offsetType, ...digest('sha1', Buffer.from('abd')) }, Buffer.from('abc'));
    expect(answer.status).toBe(460);
    expect(await stored()).toBeUndefined();
  });
});

describe('the digest of the whole', () => {
  it.each([
    ['the metadata', () => ({ 'Upload-Metadata': place({ sha256: sha256(Buffer.from('other')) }) })],
    ['Repr-Digest', () => ({ 'Repr-Digest': `sha-512=:${createHash('sha512').update('other').digest('base64')}:` })],
  ])('said in %s fails the upload where it differs: nothing is attached, nothing stays', async (_where, headers) => {
    const path = await begin(6, headers());
    await patch(path, 0, Buffer.from('abc'));
    const answer = await patch(path, 3, Buffer.from('def'));
    expect([answer.status, code(answer)]).toEqual([400, 'BLOB_DIGEST_MISMATCH']);
    expect(await stored()).toBeUndefined();
    const gone = await head(path);
    expect(gone.status).toBe(410);
    expect(gone.headers['upload-offset']).toBeUndefined();
    expect(await show(path)).toMatchObject({ state: 'failed', error: { code: 'BLOB_DIGEST_MISMATCH' } });
    const [row] = await server.services.db.query<{ object_key: string; cleared: boolean }>(
      { text: `SELECT object_key, cleared_at IS NOT NULL AS cleared FROM upload_session WHERE artifact_id = $1` },
      [id],
    );
    expect(row?.cleared).toBe(true);
    expect(await server.services.blobs.defaultStore.stat(row?.object_key ?? '')).toBeUndefined();
    // The place is free again.
    expect((await create({ 'Upload-Length': 3, ...offsetType }, Buffer.from('abc'))).status).toBe(201);
  });
});

describe('termination', () => {
  it('ends the upload and frees its place', async () => {
    const path = await begin(6);
    await patch(path, 0, Buffer.from('abc'));
    expect((await send('DELETE', path, version)).status).toBe(204);
    expect([(await head(path)).status, (await patch(path, 3, Buffer.from('def'))).status]).toEqual([404, 404]);
    expect(await sessions()).toEqual([]);
  });

  it('is refused for what has become a blob', async () => {
    const path = await begin(3);
    await patch(path, 0, Buffer.from('abc'));
    const answer = await send('DELETE', path, version);
    expect([answer.status, code(answer)]).toEqual([409, 'STATE_CONFLICT']);
    expect(await stored()).toBe(sha256(Buffer.from('abc')));
  });
});

describe('expiry', () => {
  it('is 410 for the upload, and a PATCH puts it off', async () => {
    const path = await begin(6);
    const first = await patch(path, 0, Buffer.from('abc'));
    expect(Date.parse(String(first.headers['upload-expires']))).toBeGreaterThan(Date.now());
    await server.services.db.query({ text: `UPDATE upload_session SET expires_at = now() WHERE artifact_id = $1` }, [id]);
    const answers = [await head(path), await patch(path, 3, Buffer.from('def')), await send('DELETE', path, version)];
    expect(answers.map(({ status }) => status)).toEqual([410, 410, 410]);
    expect(await show(path)).toMatchObject({ state: 'expired' });
    // Whoever wants the place has it.
    expect((await create({ 'Upload-Length': 3 })).status).toBe(201);
  });
});

describe('concatenation', () => {
  async function part(bytes: Uint8Array): Promise<string> {
    const created = await create({ 'Upload-Length': bytes.length, 'Upload-Concat': 'partial', 'Upload-Metadata': '' });
    expect(created.status).toBe(201);
    const path = created.headers.location ?? '';
    expect((await patch(path, 0, bytes)).status).toBe(204);
    return path;
  }

  it('joins partial uploads in their order into one blob', async () => {
    const pieces = [randomBytes(70_000), randomBytes(1), randomBytes(200_000)];
    const whole = Buffer.concat(pieces);
    const paths: string[] = [];
    for (const piece of pieces) paths.push(await part(piece));
    expect((await head(paths[0] ?? '')).headers).toMatchObject({ 'upload-concat': 'partial', 'upload-offset': '70000' });
    const concat = `final;${server.url}${paths[0]} ${paths[1]} ${paths[2]}`;
    const headers = { 'Upload-Concat': concat, 'Upload-Metadata': place({ sha256: sha256(whole) }) };
    const final = await create(headers);
    expect(final.status, JSON.stringify(final.body)).toBe(201);
    expect(await stored()).toBe(sha256(whole));
    const path = final.headers.location ?? '';
    expect((await head(path)).headers).toMatchObject({
      'upload-concat': `final;${paths.join(' ')}`,
      'upload-length': String(whole.length),
      'upload-offset': String(whole.length),
    });
    expect((await patch(path, whole.length, Buffer.from('x'))).status).toBe(403);
    // Its answer got lost: the same one again.
    expect((await create(headers)).headers.location).toBe(path);
    // And what was joined takes no room any more.
    const left = await server.services.db.query<{ object_key: string }>({
      text: `SELECT object_key FROM upload_session WHERE kind = 'partial' AND joined_into IS NOT NULL`,
    });
    expect(left).toHaveLength(3);
    for (const { object_key } of left) expect(await server.services.blobs.defaultStore.stat(object_key)).toBeUndefined();
  });

  it('refuses parts that are not finished, not partial, another project’s, or named twice', async () => {
    const open = (await create({ 'Upload-Length': 3, 'Upload-Concat': 'partial', 'Upload-Metadata': '' })).headers.location ?? '';
    const whole = await begin(3);
    const join = async (...paths: readonly string[]) => create({ 'Upload-Concat': `final;${paths.join(' ')}` });
    expect((await join(open)).status).toBe(409);
    expect((await join(whole)).status).toBe(400);
    const good = await part(Buffer.from('abc'));
    expect((await join(good, good)).status).toBe(400);
    expect((await join('/api/v1/uploads/00000000-0000-4000-8000-000000000000')).status).toBe(404);
    const red = { ...version, ...(await server.tokenFor('red', 'member')) };
    const foreign = await tusRequest('POST', `${server.url}/api/v1/uploads`, {
      ...red,
      'Upload-Length': 0,
      'Upload-Concat': 'partial',
    });
    expect((await join(String(foreign.headers.location))).status).toBe(404);
    expect((await create({ 'Upload-Length': 3, 'Upload-Concat': `final;${good}` })).status).toBe(400);
    expect(await sessions()).toHaveLength(1);
  });

  it('with another digest than declared fails, and its parts may be joined again', async () => {
    const paths = [await part(Buffer.from('abc')), await part(Buffer.from('def'))];
    const concat = { 'Upload-Concat': `final;${paths.join(' ')}` };
    const wrong = await create({ ...concat, 'Upload-Metadata': place({ sha256: sha256(Buffer.from('other')) }) });
    expect([wrong.status, code(wrong)]).toEqual([400, 'BLOB_DIGEST_MISMATCH']);
    expect(await stored()).toBeUndefined();
    expect((await create(concat)).status).toBe(201);
    expect(await stored()).toBe(sha256(Buffer.from('abcdef')));
  });
});
