import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { armFailpoints } from '#base/failpoint.ts';
import { abortUpload } from '#ops/abort-upload.ts';
import { appendUpload } from '#ops/append-upload.ts';
import { beginPartialUpload, beginUpload } from '#ops/begin-upload.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { expireUploadSessions } from '#ops/expire-upload-sessions.ts';
import { getUpload } from '#ops/get-upload.ts';
import { joinUploads } from '#ops/join-uploads.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { sha256 } from '#test/support/tus-request.ts';
import { startUploadNodes, type UploadNode, type UploadNodes, untroubledRun, verifyAll } from '#test/support/upload-nodes.ts';

const root = join(import.meta.dirname, '../..');

/** Every failpoint of uploads, as the code has them. */
const points = globSync('src/ops/*.ts', { cwd: root })
  .flatMap((path) => [...readFileSync(join(root, path), 'utf8').matchAll(/failpoint\('(upload:[a-z-]+)'\)/g)])
  .map((match) => match[1] ?? '')
  .sort();

let folder: string;
let cluster: UploadNodes;
let first: UploadNode;
let second: UploadNode;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-points-'));
  cluster = await startUploadNodes(2, { name: 'local', kind: 'filesystem', path: folder });
  [first, second] = cluster.nodes as [UploadNode, UploadNode];
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => armFailpoints('none:none=fail'));

const from = (bytes: Uint8Array) => Readable.from([bytes]);

/** What clients do: try again. Answers every failure on the way; gives up where trying does not help. */
async function persist<Result>(failures: unknown[], work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      failures.push(error);
      if (attempt === 5) throw error;
    }
  }
}

async function draft(): Promise<string> {
  return (await createArtifact(first.context, { type: 'kit' })).id;
}

async function held(artifactId: string): Promise<readonly string[]> {
  const text = `SELECT b.digest_value AS sha256 FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = $1`;
  return (await cluster.database.db.query<{ sha256: string }>({ text }, [artifactId])).map((row) => row.sha256);
}

/** From wherever it stands to its end, on alternating nodes. */
async function sendOn(failures: unknown[], id: string, bytes: Buffer): Promise<void> {
  let turn = 0;
  await persist(failures, async () => {
    for (;;) {
      turn += 1;
      const { context } = turn % 2 === 0 ? second : first;
      const view = await getUpload(context, { id });
      if (view.state !== 'open' && view.state !== 'receiving') return;
      await appendUpload(context, { id, offset: view.offset, source: from(bytes.subarray(view.offset, view.offset + 40_000)) });
    }
  });
}

async function wholeUpload(failures: unknown[]): Promise<void> {
  const artifactId = await draft();
  const bytes = randomBytes(100_000);
  const input = { artifactId, slot: 'main', lengthBytes: bytes.length, declared: { sha256: sha256(bytes) } };
  const { upload } = await persist(failures, () => beginUpload(first.context, input));
  await sendOn(failures, upload.id, bytes);
  await persist(failures, () => verifyAll(second));
  expect(await held(artifactId)).toEqual([sha256(bytes)]);
}

async function joinedUpload(failures: unknown[]): Promise<void> {
  const artifactId = await draft();
  const pieces = [randomBytes(50_000), randomBytes(60_000)];
  const parts: string[] = [];
  for (const piece of pieces) {
    const { upload } = await persist(failures, () => beginPartialUpload(first.context, { lengthBytes: piece.length }));
    await sendOn(failures, upload.id, piece);
    await persist(failures, () => verifyAll(first));
    parts.push(upload.id);
  }
  await persist(failures, () => joinUploads(first.context, { artifactId, slot: 'main', parts }));
  await persist(failures, () => verifyAll(second));
  expect(await held(artifactId)).toEqual([sha256(Buffer.concat(pieces))]);
}

async function wrongUpload(failures: unknown[]): Promise<void> {
  const artifactId = await draft();
  const bytes = randomBytes(1000);
  const input = { artifactId, slot: 'main', lengthBytes: bytes.length, declared: { sha256: sha256(randomBytes(1)) } };
  const { upload } = await persist(failures, () => beginUpload(first.context, input));
  await sendOn(failures, upload.id, bytes);
  await persist(failures, () => verifyAll(second));
  expect((await getUpload(first.context, { id: upload.id })).errorCode).toBe('BLOB_DIGEST_MISMATCH');
  expect(await held(artifactId)).toEqual([]);
}

async function endedUploads(failures: unknown[]): Promise<void> {
  for (const way of ['abort', 'expire'] as const) {
    const artifactId = await draft();
    const { upload } = await persist(failures, () => beginUpload(first.context, { artifactId, slot: 'main', lengthBytes: 100 }));
    await persist(failures, async () => {
      const { offset } = await getUpload(first.context, { id: upload.id });
      if (offset === 0) await appendUpload(first.context, { id: upload.id, offset, source: from(randomBytes(50)) });
    });
    if (way === 'abort') {
      await persist(failures, () => abortUpload(first.context, { id: upload.id })).catch(expectGone);
    } else {
      await cluster.database.db.query({ text: 'UPDATE upload_session SET expires_at = now() WHERE id = $1' }, [upload.id]);
      await persist(failures, () => expireUploadSessions(first.services, {}, untroubledRun));
    }
  }
}

function expectGone(error: unknown): void {
  expect(isAppError(error, 'UPLOAD_GONE') || isAppError(error, 'UPLOAD_NOT_FOUND')).toBe(true);
}

async function singleUpload(failures: unknown[]): Promise<void> {
  const artifactId = await draft();
  const bytes = randomBytes(200_000);
  await persist(failures, () => uploadBlob(first.context, { artifactId, slot: 'main', source: from(bytes) }));
  expect(await held(artifactId)).toEqual([sha256(bytes)]);
}

async function handedOver(failures: unknown[]): Promise<void> {
  const artifactId = await draft();
  const bytes = randomBytes(300);
  const input = { artifactId, slot: 'main', lengthBytes: bytes.length, declared: { sha256: sha256(bytes) } };
  const { upload } = await persist(failures, () => beginUpload(first.context, input));
  const stalled = new PassThrough();
  const running = appendUpload(first.context, { id: upload.id, offset: 0, source: stalled }).catch((error) =>
    failures.push(error),
  );
  await sleep(50);
  await sendOn(failures, upload.id, bytes);
  await running;
  await persist(failures, () => verifyAll(first));
  expect(await held(artifactId)).toEqual([sha256(bytes)]);
}

describe('an upload that fails at a step of it, once', () => {
  it('knows the steps', () => {
    expect(points.length).toBeGreaterThanOrEqual(20);
  });

  it.each(points)('%s: comes out right when it is tried again, and leaves nothing', async (point) => {
    const failures: unknown[] = [];
    const linesBefore = cluster.logged.length;
    for (const scenario of [wholeUpload, joinedUpload, wrongUpload, endedUploads, singleUpload, handedOver]) {
      armFailpoints(`${point}=fail`);
      await scenario(failures);
    }
    armFailpoints('none:none=fail');
    const hits = failures.filter((error) => error instanceof Error && error.message === `failpoint ${point}`);
    const logged = cluster.logged.slice(linesBefore).filter((line) => line.includes(`failpoint ${point}`));
    expect(hits.length + logged.length, 'the failpoint was not hit').toBeGreaterThan(0);
    // What a lost answer left behind waits for its time; here that comes at once.
    await cluster.database.db.query({ text: 'UPDATE upload_session SET expires_at = now()' });
    await expireUploadSessions(first.services, {}, untroubledRun);
    expect(await cluster.database.db.query({ text: 'SELECT id, kind, state FROM upload_session' })).toEqual([]);
    expect(await judgeBytes(cluster.database.db, folder)).toMatchObject({ broken: [], garbage: [] });
    const { resumable } = first.services.blobs.defaultStore;
    expect(await Array.fromAsync(resumable?.listUnfinished(new AbortController().signal) ?? [])).toEqual([]);
  });
});
