import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Header as TarHeaders, pack as tarPack } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { claimInstance } from '#ops/claim-instance.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { setReadOnly } from '#ops/set-read-only.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { untroubledRun } from '#test/support/upload-nodes.ts';
import { readPaxRecords } from '#transfers/tar-header.ts';
import { blobFile, paxRecord, tarOf } from './tar-blocks.ts';

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

const hash = (bytes: Uint8Array | string, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex');

interface Member {
  readonly slot: string;
  readonly path: string;
  readonly sha256: string;
  readonly url: string;
  readonly problem?: { readonly code: string; readonly detail: string };
}

interface Answer {
  readonly status: number;
  readonly body: { readonly revision: number; readonly members: readonly Member[]; readonly code?: string };
}

async function post(tar: Uint8Array, headers: Record<string, string> = {}, artifact = id): Promise<Answer> {
  const init = {
    method: 'POST',
    body: new Uint8Array(tar),
    headers: { ...blue, 'content-type': 'application/x-tar', ...headers },
  };
  const response = await fetch(`${server.url}/api/v1/artifacts/${artifact}/packs`, init);
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** What became of each: its code, or ok. */
function codes({ body }: Answer): readonly string[] {
  return body.members.map(({ problem }) => problem?.code ?? 'ok');
}

/** By somebody else's hand. */
async function foreignTar(
  entries: readonly (Partial<TarHeaders> & { readonly name: string; readonly body?: string })[],
): Promise<Buffer> {
  const tar = tarPack();
  for (const { body, ...header } of entries) tar.entry(header, body ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An extended header of what holds for all members after it. */
function forAll(records: Readonly<Record<string, string>>): Buffer {
  return blobFile('all', Object.entries(records).map(paxRecord).join(''), {}, { type: 'g' });
}

async function objectCount(): Promise<number> {
  const entries = await readdir(server.storeFolder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.length > 20).length;
}

async function rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return server.services.db.query<Row>({ text }, values);
}

/** Nothing is left of a pack that came to nothing. */
async function expectNothing(before: number): Promise<void> {
  expect(await objectCount()).toBe(before);
  expect(await rows('SELECT 1 FROM upload_session')).toEqual([]);
  expect((await getArtifact(server.actAs('blue'), { id })).slots).toEqual([]);
}

describe('a pack', () => {
  it('attaches each member in its place, in one revision, with an event and an audit row of each', async () => {
    const before = await getArtifact(server.actAs('blue'), { id });
    const files = {
      'docs/a.txt': 'one',
      'docs/deep/ü #.txt': 'two',
      'main/boot/kernel': 'three',
      'docs/large': 'x'.repeat(200_000),
    };
    const entries = Object.entries(files).map(([name, body]) => ({ name, body }));
    const answer = await post(await foreignTar(entries));
    expect(answer.status).toBe(201);
    expect(answer.body.revision).toBe(before.revision + 1);
    expect(answer.body.members[1]).toEqual({
      ...{ name: 'docs/deep/ü #.txt', slot: 'docs', path: 'deep/ü #.txt', mediaType: 'application/octet-stream', size: 3 },
      ...{ sha256: hash('two'), sha512: hash('two', 'sha512'), md5: hash('two', 'md5') },
      url: `/api/v1/artifacts/${id}/slots/docs/deep/%C3%BC%20%23.txt`,
    });
    for (const [index, body] of Object.values(files).entries()) {
      const stored = await fetch(`${server.url}${answer.body.members[index]?.url}`, { headers: blue });
      expect(await stored.text()).toBe(body);
    }
    const [counted] = await rows(
      `SELECT count(*)::integer AS events, (SELECT count(*)::integer FROM audit WHERE subject_id = $1 AND action = 'blob:upload'
         AND revision = $2) AS audits FROM event WHERE subject_id = $1 AND kind = 'artifact.blob.attached' AND revision = $2`,
      [id, answer.body.revision],
    );
    expect(counted).toEqual({ events: 4, audits: 4 });
    expect(await rows('SELECT 1 FROM upload_session')).toEqual([]);
  });

  it('says media type and digest of a member in its extended header, and takes the name of a slot for one blob', async () => {
    const right = blobFile('main', 'm', { 'VITRINE.mediaType': 'Application/X-Thing', 'VITRINE.sha256': hash('m') });
    const wrong = blobFile('docs/wrong', 'w', { 'VITRINE.sha256': hash('other') });
    const bad = blobFile('docs/bad', 'b', { 'VITRINE.sha256': 'ABC' });
    const answer = await post(tarOf(right, wrong, bad));
    expect(codes(answer)).toEqual(['ok', 'BLOB_DIGEST_MISMATCH', 'DIGEST_INVALID']);
    expect(answer.body.members[0]).toMatchObject({ path: 'main', mediaType: 'application/x-thing' });
    expect(await objectCount()).toBe((await rows('SELECT 1 FROM location')).length);
  });

  it('loses no member by the faults of others', async () => {
    await post(await foreignTar([{ name: 'docs/taken', body: 'held' }]));
    const answer = await post(
      await foreignTar([
        { name: 'docs/good', body: 'good' },
        { name: 'docs/TAKEN', body: 'x' },
        { name: 'docs/taken/below', body: 'x' },
        { name: 'nowhere/a', body: 'x' },
        { name: 'docs/../up', body: 'x' },
        { name: 'docs//etc/passwd', body: 'x' },
        { name: '/etc/passwd', body: 'x' },
        { name: 'docs', body: 'x' },
        { name: 'docs/link', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'docs/hard', type: 'link', linkname: 'docs/good' },
        { name: 'docs/folder', type: 'directory' },
        { name: 'docs/pipe', type: 'fifo' },
        { name: 'docs/twice', body: 'first' },
        { name: 'docs/twice', body: 'second' },
        { name: 'docs/taken', body: 'replaced' },
      ]),
    );
    expect(answer.status).toBe(201);
    expect(codes(answer)).toEqual([
      ...['ok', 'PATH_TAKEN', 'PATH_TAKEN', 'SLOT_UNKNOWN', 'PATH_INVALID', 'PATH_INVALID', 'SLOT_UNKNOWN', 'PATH_INVALID'],
      ...['INPUT_INVALID', 'INPUT_INVALID', 'INPUT_INVALID', 'INPUT_INVALID', 'ok', 'PATH_TAKEN', 'ok'],
    ]);
    const { slots } = await getArtifact(server.actAs('blue'), { id });
    expect(slots.map(({ path, sha256 }) => [path, sha256]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))).toEqual([
      ['good', hash('good')],
      ['taken', hash('replaced')],
      ['twice', hash('first')],
    ]);
    const live = await rows('SELECT 1 FROM location');
    expect(await objectCount()).toBe(live.length);
  });

  it('shares bytes that are known, with a blob of its own or of others, in one object', async () => {
    const bytes = randomBytes(3000);
    const put = { method: 'PUT', body: bytes, headers: blue };
    await fetch(`${server.url}/api/v1/artifacts/${id}/slots/docs/put`, put);
    const before = await objectCount();
    const answer = await post(
      tarOf(blobFile('docs/a', bytes), blobFile('docs/b', bytes), blobFile('docs/c', 'new c'), blobFile('docs/d', 'new c')),
    );
    expect(codes(answer)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(await objectCount()).toBe(before + 1);
    const [row] = await rows('SELECT count(DISTINCT blob_id)::integer AS blobs FROM artifact_blob WHERE artifact_id = $1', [id]);
    expect(row).toEqual({ blobs: 2 });
  });

  it('heals a blob whose object is gone, and revives a condemned one', async () => {
    const bytes = randomBytes(2000);
    await post(tarOf(blobFile('docs/a', bytes), blobFile('docs/b', 'to be condemned')));
    const [lost] = await rows<{ key: string }>(
      'SELECT object_key AS key FROM location l JOIN blob b ON b.id = l.blob_id WHERE digest_value = $1',
      [hash(bytes)],
    );
    await server.services.blobs.defaultStore.remove(lost?.key ?? '');
    await rows(
      `UPDATE location SET state = 'condemned', condemned_at = now() FROM blob b WHERE b.id = blob_id AND digest_value = $1`,
      [hash('to be condemned')],
    );
    const answer = await post(tarOf(blobFile('docs/a', bytes), blobFile('docs/b', 'to be condemned')));
    expect(codes(answer)).toEqual(['ok', 'ok']);
    for (const { url, sha256 } of answer.body.members) {
      const stored = await fetch(`${server.url}${url}`, { headers: blue });
      expect(hash(new Uint8Array(await stored.arrayBuffer()))).toBe(sha256);
    }
  });

  it('may be empty, which changes nothing', async () => {
    expect(await post(tarOf())).toMatchObject({ status: 200, body: { revision: 1, members: [] } });
  });
});

describe('a pack as a whole', () => {
  const good = blobFile('docs/a', 'a');
  const large = blobFile('docs/l', randomBytes(200_000));

  it('is refused before its bytes where the artifact does not take it', async () => {
    const headers = { 'if-match': '"7"' };
    expect(await post(tarOf(good), headers)).toMatchObject({ status: 412, body: { code: 'REVISION_CONFLICT' } });
    expect(await post(tarOf(good), { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    expect(await post(tarOf(good), { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
    const red = await createArtifact(server.actAs('red'), { type: 'kit' });
    expect(await post(tarOf(good), {}, red.id)).toMatchObject({ status: 404, body: { code: 'ARTIFACT_NOT_FOUND' } });
    const done = await createArtifact(server.actAs('blue'), { type: 'kit', name: 'packed', version: '1.0.0' });
    await post(tarOf(blobFile('main', 'm')), {}, done.id);
    await publishArtifact(server.actAs('blue'), { id: done.id });
    expect(await post(tarOf(good), {}, done.id)).toMatchObject({ status: 409, body: { code: 'STATE_CONFLICT' } });
  });

  it('is refused while nothing may be written', async () => {
    const before = await objectCount();
    const key = server.services.settings.instanceKey;
    await claimInstance(server.services.db, { place: 'test', find: async () => key, findOrMake: async () => key });
    await setReadOnly(server.actAs('blue', 'admin'), { readOnly: true, reason: 'moving' });
    try {
      expect(await post(tarOf(good))).toMatchObject({ body: { code: 'READ_ONLY' } });
    } finally {
      await setReadOnly(server.actAs('blue', 'admin'), { readOnly: false });
    }
    await expectNothing(before);
  });

  const broken: Readonly<Record<string, () => Buffer>> = {
    'cut in a member': () => tarOf(good, large).subarray(0, 100_000),
    'cut between members': () => tarOf(good, large).subarray(0, good.length),
    'cut in a header': () => tarOf(good, large).subarray(0, good.length + 100),
    'with a wrong checksum': () => flip(tarOf(good, blobFile('docs/b', 'b')), good.length + 10),
    'that is none': () => randomBytes(5000),
    'with an extended header of 1 MiB': () => tarOf(good, blobFile('docs/b', 'b', { comment: 'x'.repeat(1024 * 1024) })),
    'with a sparse file of GNU': () => tarOf(good, blobFile('docs/s', 's', {}, { type: 'S' })),
    'with an extended header that lies about its length': () =>
      tarOf(good, blobFile('docs/b', 'b', {}, { rawPax: '99 path=x\n' })),
    'with a size that is no number': () => tarOf(good, blobFile('docs/b', 'b', { size: '-1' })),
    'with more extended headers in a row than one member can need': () =>
      tarOf(...Array.from({ length: 9 }, (_, index) => forAll({ [`key${index}`]: 'x' })), good),
    'with an extended header of more records than anybody needs': () =>
      tarOf(forAll(Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`key${index}`, 'x']))), good),
    'with a link that has bytes': () => tarOf(good, blobFile('docs/b', 'b', {}, { type: '2' })),
  };
  it.each(Object.entries(broken))('is lost as a tar %s, and leaves nothing', async (_what, make) => {
    const before = await objectCount();
    expect(await post(make())).toMatchObject({ status: 400, body: { code: 'PACK_MALFORMED' } });
    await expectNothing(before);
  });

  it('may say things of all its members, again before each of them', async () => {
    const members = Array.from({ length: 9 }, (_, index) => [
      forAll({ comment: String(index), 'VITRINE.mediaType': `text/x-${index}` }),
      blobFile(`docs/${index}`, String(index)),
    ]);
    const answer = await post(tarOf(...members.flat(), blobFile('docs/last', 'last')));
    expect(codes(answer)).toEqual(Array.from({ length: 10 }, () => 'ok'));
    expect(answer.body.members.at(-1)).toMatchObject({ mediaType: 'text/x-8' });
  });

  it('has of an extended header only what is read, however much that says', () => {
    const many = Array.from({ length: 250 }, (_, index) => [`key${index}`, 'x'] as const);
    const records = [...many, ['path', 'docs/a'], ['GNU.sparse.major', '1'], ['VITRINE.sha256', 'b']] as const;
    const read = readPaxRecords(Buffer.from(records.map(paxRecord).join('')));
    expect([...read]).toEqual([
      ['path', 'docs/a'],
      ['GNU.sparse.', ''],
      ['VITRINE.sha256', 'b'],
    ]);
  });

  it('is refused at the first header that says more than it may have', async () => {
    const before = await objectCount();
    for (const size of [String(2 ** 40), String(Number.MAX_SAFE_INTEGER), '9'.repeat(20)]) {
      expect(await post(tarOf(good, blobFile('docs/b', 'b', { size })))).toMatchObject({
        status: 413,
        body: { code: 'REQUEST_TOO_LARGE' },
      });
    }
    expect(await post(tarOf(good, blobFile('docs/b', 'b', {}, { binarySize: true })))).toMatchObject({
      body: { code: 'REQUEST_TOO_LARGE' },
    });
    const declared = { 'content-length': String(65 * 1024 * 1024), expect: '100-continue' };
    expect(await beginOnly(declared)).toBe(413);
    await expectNothing(before);
  });

  it('has at most 1,000 members, and a member at most 1 MiB', async () => {
    const before = await objectCount();
    const many = Array.from({ length: 1001 }, (_, index) => blobFile(`docs/${index}`, ''));
    expect(await post(tarOf(...many))).toMatchObject({ body: { code: 'LIMIT_EXCEEDED' } });
    await expectNothing(before);
    const sizes = [1024 * 1024, 1024 * 1024 + 1, 5 * 1024 * 1024];
    const answer = await post(tarOf(...sizes.map((size) => blobFile(`docs/${size}`, Buffer.alloc(size, size % 251))), good));
    expect(codes(answer)).toEqual(['ok', 'BLOB_TOO_LARGE', 'BLOB_TOO_LARGE', 'ok']);
  });

  it('leaves nothing when its sender goes away', async () => {
    const before = await objectCount();
    const tar = tarOf(good, large);
    const headers = { ...blue, 'content-type': 'application/x-tar', 'content-length': String(tar.length) };
    const sent = httpRequest(`${server.url}/api/v1/artifacts/${id}/packs`, { method: 'POST', headers });
    sent.on('error', () => undefined).write(tar.subarray(0, good.length + 5000));
    await until(async () => (await objectCount()) > before);
    sent.destroy();
    await until(async () => (await rows('SELECT 1 FROM upload_session')).length === 0);
    await expectNothing(before);
  });

  it('stands against publishing while it runs, and its objects against a repair that waits for nothing', async () => {
    const draft = await createArtifact(server.actAs('blue'), { type: 'kit', name: 'under-way', version: '1.0.0' });
    await post(tarOf(blobFile('main', 'm')), {}, draft.id);
    const before = await objectCount();
    const tar = tarOf(blobFile('docs/slow', randomBytes(3000)), blobFile('docs/last', 'l'));
    const headers = { ...blue, 'content-type': 'application/x-tar', 'content-length': String(tar.length) };
    const sent = httpRequest(`${server.url}/api/v1/artifacts/${draft.id}/packs`, { method: 'POST', headers });
    sent.write(tar.subarray(0, tar.length - 2000));
    await until(async () => (await objectCount()) > before);
    await expect(publishArtifact(server.actAs('blue'), { id: draft.id })).rejects.toMatchObject({ code: 'UPLOAD_BUSY' });
    await reconcileStores(server.services, { repair: true, strayAgeMs: 0 }, untroubledRun);
    await collectBlobs(server.services, { graceMs: 0 }, untroubledRun);
    sent.end(tar.subarray(tar.length - 2000));
    const [response] = await once(sent, 'response');
    response.resume();
    expect(response.statusCode).toBe(201);
    await publishArtifact(server.actAs('blue'), { id: draft.id });
    const [row] = await rows<{ key: string }>(
      `SELECT l.object_key AS key FROM artifact_blob ab JOIN location l ON l.blob_id = ab.blob_id WHERE artifact_id = $1 AND path = 'slow'`,
      [draft.id],
    );
    expect(await server.services.blobs.defaultStore.stat(row?.key ?? '')).toMatchObject({ sizeBytes: 3000 });
  });
});

describe('packs, puts and maintenance at once', () => {
  it('leave each place with bytes that were acknowledged, and no object that nobody knows', async () => {
    const shared = Array.from({ length: 4 }, (_, index) => Buffer.from(`shared ${index}`));
    for (let round = 0; round < 6; round += 1) {
      const draft = await createArtifact(server.actAs('blue'), { type: 'kit' });
      const files = (name: string) =>
        shared.map((bytes, index) => blobFile(`docs/${index}`, Buffer.concat([bytes, Buffer.from(`${name} ${round}`)])));
      const same = shared.map((bytes, index) => blobFile(`docs/same-${index}`, Buffer.concat([bytes, Buffer.from(`${round}`)])));
      const put = fetch(`${server.url}/api/v1/artifacts/${draft.id}/slots/docs/1`, {
        method: 'PUT',
        body: `put ${round}`,
        headers: blue,
      });
      const [one, two, alone] = await Promise.all([
        post(tarOf(...files('one'), ...same), {}, draft.id),
        post(tarOf(...same.toReversed(), ...files('two').toReversed()), {}, draft.id),
        put,
        collectBlobs(server.services, { graceMs: 0 }, untroubledRun),
        reconcileStores(server.services, { repair: true, strayAgeMs: 0 }, untroubledRun),
      ]);
      for (const answer of [one, two]) {
        expect(answer.body.members).toHaveLength(8);
        for (const code of codes(answer)) expect(['ok', 'UPLOAD_BUSY']).toContain(code);
      }
      expect([201, 409, 423]).toContain(alone.status);
      const kept = await rows<{ key: string; size: number }>(
        `SELECT l.object_key AS key, b.size_bytes AS size FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id
         JOIN location l ON l.blob_id = b.id AND l.state = 'live' WHERE ab.artifact_id = $1`,
        [draft.id],
      );
      expect(kept).toHaveLength(8);
      for (const { key, size } of kept) {
        expect(await server.services.blobs.defaultStore.stat(key)).toMatchObject({ sizeBytes: size });
      }
    }
    const report = await reconcileStores(server.services, { repair: true, strayAgeMs: 0 }, untroubledRun);
    expect(report.stores[0]).toMatchObject({ strays: { count: 0 }, damaged: { count: 0 } });
    expect(await rows('SELECT 1 FROM upload_session')).toEqual([]);
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

async function beginOnly(headers: Record<string, string>): Promise<number> {
  const options = { method: 'POST', headers: { ...blue, 'content-type': 'application/x-tar', ...headers } };
  const sent = httpRequest(`${server.url}/api/v1/artifacts/${id}/packs`, options).on('error', () => undefined);
  sent.flushHeaders();
  const [response] = await once(sent, 'response');
  response.resume();
  sent.destroy();
  return response.statusCode;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await isSo()); waited += 20) {
    if (waited > 10_000) throw new Error('it did not come to that');
    await sleep(20);
  }
}
