import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { armFailpoints } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { abortUpload } from '#ops/abort-upload.ts';
import { appendUpload } from '#ops/append-upload.ts';
import { beginPartialUpload, beginUpload } from '#ops/begin-upload.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { expireUploadSessions } from '#ops/expire-upload-sessions.ts';
import { getUpload } from '#ops/get-upload.ts';
import { joinUploads } from '#ops/join-uploads.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { releaseUploads } from '#ops/release-uploads.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { verifyUpload } from '#ops/verify-upload.ts';
import { outcome, refusal } from '#test/support/operations.ts';
import { sha256 } from '#test/support/tus-request.ts';
import { startUploadNodes, type UploadNode, type UploadNodes, untroubledRun } from '#test/support/upload-nodes.ts';

let folder: string;
let cluster: UploadNodes;
let first: UploadNode;
let second: UploadNode;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-sessions-'));
  cluster = await startUploadNodes(2, { name: 'files', kind: 'filesystem', path: folder });
  [first, second] = cluster.nodes as [UploadNode, UploadNode];
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => armFailpoints('none:none=fail'));

let artifactId: string;
beforeEach(async () => {
  artifactId = (await createArtifact(first.context, { type: 'kit' })).id;
});

const from = (bytes: Uint8Array) => Readable.from([bytes]);

async function begin(lengthBytes: number, declared?: { readonly sha256: string }): Promise<string> {
  return (await beginUpload(first.context, { artifactId, slot: 'main', lengthBytes, declared })).upload.id;
}

interface Row {
  readonly state: string;
  readonly offset: number;
  readonly writer: string | null;
  readonly object_key: string;
  readonly error_code: string | null;
}

async function row(id: string): Promise<Row | undefined> {
  const text = 'SELECT state, offset_bytes AS "offset", writer, object_key, error_code FROM upload_session WHERE id = $1';
  return (await cluster.database.db.query<Row>({ text }, [id]))[0];
}

async function set(id: string, assignments: string): Promise<void> {
  await cluster.database.db.query({ text: `UPDATE upload_session SET ${assignments} WHERE id = $1` }, [id]);
}

async function attached(): Promise<readonly { readonly sha256: string }[]> {
  const text = `SELECT b.digest_value AS sha256 FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = $1`;
  return cluster.database.db.query({ text }, [artifactId]);
}

/** What the store has under the key or on the way to it. */
async function traces(key: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.includes(key.split('/').at(-1) ?? key));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await condition()); waited += 20) {
    if (waited > 20_000) throw new Error('what was waited for did not happen');
    await sleep(20);
  }
}

/** A request whose sender has gone quiet after these bytes. */
async function stalled(context: OpContext, id: string, offset: number, bytes: Uint8Array) {
  const source = new PassThrough();
  const running = outcome(appendUpload(context, { id, offset, source }));
  source.write(bytes);
  await until(async () => (await row(id))?.writer !== null);
  // Taken in, on the way to the disk.
  await until(async () => source.readableLength === 0);
  return { source, running };
}

describe('the writer of an upload', () => {
  it('lets go when another node asks, keeps what it has, and the newcomer is told where to go on', async () => {
    const bytes = randomBytes(1000);
    const id = await begin(bytes.length);
    const holder = await stalled(first.context, id, 0, bytes.subarray(0, 400));
    const refused = await refusal(appendUpload(second.context, { id, offset: 0, source: from(bytes) }));
    expect(refused).toMatchObject({ code: 'UPLOAD_OFFSET_MISMATCH', details: { offset: 400 } });
    expect(await holder.running).toBe('UPLOAD_LOCKED');
    const view = await appendUpload(second.context, { id, offset: 400, source: from(bytes.subarray(400)) });
    expect(view.state).toBe('finished');
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });

  it('lets go on its own node too, and with nothing received the newcomer begins', async () => {
    const bytes = randomBytes(1000);
    const id = await begin(bytes.length);
    const holder = await stalled(first.context, id, 0, Buffer.alloc(0));
    const view = await appendUpload(first.context, { id, offset: 0, source: from(bytes) });
    expect(view.state).toBe('finished');
    expect(await holder.running).toBe('UPLOAD_LOCKED');
  });

  it('lets go also when it was asked while it began its object', async () => {
    const bytes = randomBytes(1000);
    const id = await begin(bytes.length);
    // Longer than it takes a writer to hear that another waits.
    armFailpoints('upload:object-begun=delay');
    const holder = await stalled(first.context, id, 0, Buffer.alloc(0));
    const view = await appendUpload(second.context, { id, offset: 0, source: from(bytes) });
    expect(view.state).toBe('finished');
    expect(await holder.running).toBe('UPLOAD_LOCKED');
  });

  it('that is dead is waited for until its lease runs out, and no longer', async () => {
    const id = await begin(10);
    await set(id, `state = 'receiving', writer = 'dead', writer_expires_at = clock_timestamp() + interval '2 seconds'`);
    const startedAt = performance.now();
    await appendUpload(second.context, { id, offset: 0, source: from(randomBytes(10)) });
    const waitedMs = performance.now() - startedAt;
    expect(waitedMs).toBeGreaterThan(1_900);
    expect((await row(id))?.state).toBe('finished');
  });

  it('that does not let go is told by UPLOAD_LOCKED, which disturbs nobody', async () => {
    const id = await begin(10);
    await set(id, `state = 'receiving', writer = 'other', writer_expires_at = clock_timestamp() + interval '1 hour'`);
    const waiting = outcome(appendUpload(second.context, { id, offset: 0, source: from(randomBytes(10)) }));
    await until(
      async () =>
        (await cluster.database.db.query({ text: `SELECT 1 FROM upload_session WHERE id = $1 AND wanted_by IS NOT NULL` }, [id]))
          .length > 0,
    );
    expect(await waiting).toBe('UPLOAD_LOCKED');
    expect(await row(id)).toMatchObject({ writer: 'other', offset: 0 });
  });

  it('that lost its lease records nothing any more', async () => {
    const id = await begin(10);
    const holder = await stalled(first.context, id, 0, randomBytes(5));
    await set(id, `writer = 'other', writer_expires_at = clock_timestamp() + interval '1 hour'`);
    holder.source.end(randomBytes(5));
    expect(await holder.running).toBe('UPLOAD_LOCKED');
    expect(await row(id)).toMatchObject({ writer: 'other', offset: 0, state: 'receiving' });
    expect(await attached()).toEqual([]);
  });

  it('that was asleep past its lease writes nothing into what another goes on with', async () => {
    const bytes = randomBytes(600_000);
    const id = await begin(bytes.length);
    const holder = await stalled(first.context, id, 0, randomBytes(10));
    // It wakes, and before any of its timers comes what its sender sent last.
    const slept = performance.now() + 60_000;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => slept);
    holder.source.write(randomBytes(500_000));
    holder.source.end();
    expect(await holder.running).toBe('UPLOAD_LOCKED');
    clock.mockRestore();
    const [staged = ''] = (await traces((await row(id))?.object_key ?? '')).filter((name) => name.startsWith('staged/'));
    expect((await stat(join(folder, staged))).size).toBeLessThanOrEqual(10);
    const view = await appendUpload(second.context, { id, offset: 0, source: from(bytes) });
    expect(view.state).toBe('finished');
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });

  it('is one of many that race: bytes of one at each offset, and one blob', async () => {
    const pieces = Array.from({ length: 5 }, () => randomBytes(3000));
    const whole = Buffer.concat(pieces);
    const id = await begin(whole.length, { sha256: sha256(whole) });
    const send = async (node: UploadNode): Promise<void> => {
      for (
        let view = await getUpload(node.context, { id });
        view.offset < whole.length;
        view = await getUpload(node.context, { id })
      ) {
        const source = from(whole.subarray(view.offset, view.offset + 3000));
        const answer = await outcome(appendUpload(node.context, { id, offset: view.offset, source }));
        expect(['ok', 'UPLOAD_OFFSET_MISMATCH', 'UPLOAD_LOCKED', 'UPLOAD_INTERRUPTED']).toContain(answer);
      }
    };
    await Promise.all([send(first), send(second), send(first), send(second)]);
    await until(async () => (await row(id))?.state === 'finished');
    expect(await attached()).toEqual([{ sha256: sha256(whole) }]);
  });
});

describe('a database that breaks off its connections', () => {
  it('costs at most the request: the upload goes on from what is durable', async () => {
    const bytes = randomBytes(1000);
    const id = await begin(bytes.length);
    const holder = await stalled(first.context, id, 0, bytes.subarray(0, 300));
    await cluster.database.db.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vitrine-node-0' AND datname = current_database()`,
    });
    holder.source.destroy();
    expect(['UPLOAD_INTERRUPTED', 'DATABASE_UNAVAILABLE']).toContain(await holder.running);
    const { offset } = await getUpload(first.context, { id });
    expect([0, 300]).toContain(offset);
    const view = await appendUpload(first.context, { id, offset, source: from(bytes.subarray(offset)) });
    expect(view.state).toBe('finished');
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });
});

describe('the offset of an upload', () => {
  /** The services of a node whose store tells when bytes became durable. */
  function watching(node: UploadNode, durable: { offset: number }): Services {
    const { blobs } = node.services;
    const store = blobs.defaultStore;
    const { resumable } = store;
    if (resumable === undefined) throw new Error('not resumable');
    const watched: BlobStore = {
      ...store,
      resumable: {
        ...resumable,
        resume: async (...args) => {
          const writer = await resumable.resume(...args);
          return {
            write: (bytes) => writer.write(bytes),
            checkpoint: async (options) => {
              const checkpoint = await writer.checkpoint(options);
              durable.offset = checkpoint.offset;
              return checkpoint;
            },
            [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
          };
        },
      },
    };
    return { ...node.services, blobs: { ...blobs, defaultStore: watched, store: () => watched } };
  }

  it('is never ahead of what the store has made durable', async () => {
    const durable = { offset: 0 };
    const services = watching(first, durable);
    const recorded: number[] = [];
    const db = {
      ...services.db,
      query: async <Found extends object>(statement: { name?: string; text: string }, values: readonly unknown[] = []) => {
        if (statement.name === 'session-advance') {
          recorded.push(Number(values[2]));
          expect(Number(values[2])).toBeLessThanOrEqual(durable.offset);
        }
        return services.db.query<Found>(statement, values);
      },
    };
    const bytes = randomBytes(40 * 1024 * 1024);
    const id = await begin(bytes.length + 1);
    function* pieces() {
      for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
    }
    await appendUpload({ ...first.context, ...services, db }, { id, offset: 0, source: Readable.from(pieces()) });
    expect(recorded.at(-1)).toBe(bytes.length);
    // On the way as well, not only at the end.
    expect(recorded.filter((offset) => offset > 0 && offset < bytes.length).length).toBeGreaterThan(0);
    await abortUpload(first.context, { id });
  });

  it('stays where it was when recording fails, and the upload goes on from there', async () => {
    const bytes = randomBytes(1000);
    const id = await begin(bytes.length);
    await appendUpload(first.context, { id, offset: 0, source: from(bytes.subarray(0, 300)) });
    armFailpoints('upload:durable=fail');
    await expect(appendUpload(first.context, { id, offset: 300, source: from(bytes.subarray(300, 700)) })).rejects.toThrow(
      'failpoint',
    );
    expect(await row(id)).toMatchObject({ offset: 300, state: 'open', writer: null });
    const view = await appendUpload(first.context, { id, offset: 300, source: from(bytes.subarray(300)) });
    expect(view.state).toBe('finished');
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });

  it('reaches the end together with the job that will verify it, or not at all', async () => {
    const jobs = async (id: string) =>
      cluster.database.db.query(
        {
          text: `SELECT 1 FROM vitrine_jobs.job WHERE name LIKE '%upload%verify%' AND data->>'uploadId' = $1 OR data::text LIKE '%' || $1 || '%'`,
        },
        [id],
      );
    const bytes = randomBytes(100);
    const id = await begin(bytes.length);
    armFailpoints('upload:whole=fail');
    await expect(appendUpload(first.context, { id, offset: 0, source: from(bytes) })).rejects.toThrow('failpoint');
    expect(await row(id)).toMatchObject({ offset: 0, state: 'open' });
    expect(await jobs(id)).toEqual([]);
    armFailpoints('upload:finish=fail');
    await expect(appendUpload(first.context, { id, offset: 0, source: from(bytes) })).rejects.toThrow('failpoint');
    expect(await row(id)).toMatchObject({ offset: 100, state: 'verifying', writer: null });
    expect(await jobs(id)).toHaveLength(1);
    expect(await attached()).toEqual([]);
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'finished' });
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });
});

describe('the verification of an upload', () => {
  /** All bytes there, and the process that received them gone. */
  async function abandoned(bytes: Uint8Array, declared?: { readonly sha256: string }): Promise<string> {
    const id = await begin(bytes.length, declared);
    armFailpoints('upload:finish=fail');
    await outcomeOf(appendUpload(first.context, { id, offset: 0, source: from(bytes) }));
    return id;
  }

  const outcomeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'ok',
      (error: unknown) => String(error),
    );

  it('run by two nodes at once attaches once', async () => {
    const bytes = randomBytes(100_000);
    const id = await abandoned(bytes);
    const run = (node: UploadNode) => verifyUpload(node.services, { uploadId: id }, untroubledRun);
    const outcomes = (await Promise.all([run(first), run(second)])).map((verified) => verified.outcome);
    expect(outcomes.toSorted()).toEqual(['finished', 'gone']);
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
    expect(await run(first)).toEqual({ outcome: 'gone' });
  });

  it('in the name of its sender: the same event and audit row as any upload', async () => {
    await abandoned(randomBytes(10));
    await verifyAllOf(second);
    const rows = await cluster.database.db.query<{ caller: string; request_id: string; same: boolean }>(
      {
        text: `SELECT a.caller, a.request_id, a.request_id = e.request_id AS same FROM audit a JOIN event e ON e.tx = a.tx WHERE a.subject_id = $1 AND a.action = 'blob:upload'`,
      },
      [artifactId],
    );
    expect(rows).toEqual([{ caller: 'dev', request_id: first.context.requestId, same: true }]);
  });

  it('fails the upload whose bytes are not those declared, and leaves nothing of it', async () => {
    const id = await abandoned(randomBytes(1000), { sha256: sha256(randomBytes(3)) });
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'failed' });
    const failed = await row(id);
    expect(failed).toMatchObject({ state: 'failed', error_code: 'BLOB_DIGEST_MISMATCH', writer: null });
    expect(await traces(failed?.object_key ?? '')).toEqual([]);
    expect(await attached()).toEqual([]);
  });

  it('fails the upload of an artifact that was published meanwhile', async () => {
    const id = await abandoned(randomBytes(1000));
    await cluster.database.db.query({ text: `UPDATE artifact SET state = 'active' WHERE id = $1` }, [artifactId]);
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'failed' });
    expect(await row(id)).toMatchObject({ state: 'failed', error_code: 'STATE_CONFLICT' });
  });

  it('that cannot be done now is left to be tried again', async () => {
    const bytes = randomBytes(1000);
    const id = await abandoned(bytes);
    armFailpoints('upload:read-back=fail');
    await expect(verifyUpload(second.services, { uploadId: id }, untroubledRun)).rejects.toThrow('failpoint');
    expect(await row(id)).toMatchObject({ state: 'verifying', writer: null });
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'finished' });
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });

  it('is tried again while its bytes cannot be had, and has failed with that once its time is over', async () => {
    const id = await abandoned(randomBytes(1000));
    const key = (await row(id))?.object_key ?? '';
    for (const name of await traces(key)) await rm(join(folder, name), { recursive: true });
    const verified = () => outcome(verifyUpload(second.services, { uploadId: id }, untroubledRun));
    expect([await verified(), await verified()]).toEqual(['BLOB_UNAVAILABLE', 'BLOB_UNAVAILABLE']);
    expect(await row(id)).toMatchObject({ state: 'verifying', writer: null });
    await set(id, `expires_at = now() - interval '1 second'`);
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'failed' });
    expect(await row(id)).toMatchObject({ state: 'failed', error_code: 'BLOB_UNAVAILABLE' });
    expect(await attached()).toEqual([]);
  });

  it('waits for its store to be configured again, and has failed with that once its time is over', async () => {
    const id = await abandoned(randomBytes(1000));
    const store = () => {
      throw new AppError('STORE_UNKNOWN');
    };
    const services = { ...second.services, blobs: { ...second.services.blobs, stores: new Map(), store } };
    expect(await outcome(verifyUpload(services, { uploadId: id }, untroubledRun))).toBe('STORE_UNKNOWN');
    expect(await row(id)).toMatchObject({ state: 'verifying', writer: null });
    await set(id, `expires_at = now() - interval '1 second'`);
    expect(await verifyUpload(services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'failed' });
    expect(await row(id)).toMatchObject({ state: 'failed', error_code: 'STORE_UNKNOWN' });
    expect(await outcome(publishArtifact(first.context, { id: artifactId }))).toBe('ok');
  });

  it('of a join that was interrupted goes on where it stood', async () => {
    const pieces = [randomBytes(12 * 1024 * 1024), randomBytes(12 * 1024 * 1024)];
    const parts: string[] = [];
    for (const piece of pieces) {
      const { upload } = await beginPartialUpload(first.context, { lengthBytes: piece.length });
      await appendUpload(first.context, { id: upload.id, offset: 0, source: from(piece) });
      parts.push(upload.id);
    }
    const { upload } = await joinUploads(first.context, { artifactId, slot: 'main', parts });
    expect(upload.state).toBe('verifying');
    armFailpoints('upload:joined-part=fail');
    await expect(verifyUpload(first.services, { uploadId: upload.id }, untroubledRun)).rejects.toThrow('failpoint');
    expect(await row(upload.id)).toMatchObject({ state: 'verifying', offset: 12 * 1024 * 1024 });
    expect(await verifyUpload(second.services, { uploadId: upload.id }, untroubledRun)).toEqual({ outcome: 'finished' });
    expect(await attached()).toEqual([{ sha256: sha256(Buffer.concat(pieces)) }]);
  });

  it('of a join that was ended gives its parts free: they can be joined again, or ended', async () => {
    const pieces = [randomBytes(12 * 1024 * 1024), randomBytes(12 * 1024 * 1024)];
    const parts: string[] = [];
    for (const piece of pieces) {
      const { upload } = await beginPartialUpload(first.context, { lengthBytes: piece.length });
      await appendUpload(first.context, { id: upload.id, offset: 0, source: from(piece) });
      parts.push(upload.id);
    }
    const { upload } = await joinUploads(first.context, { artifactId, slot: 'main', parts });
    await abortUpload(first.context, { id: upload.id });
    const again = await joinUploads(first.context, { artifactId, slot: 'main', parts });
    expect(again).toMatchObject({ isNew: true, upload: { state: 'verifying' } });
    await abortUpload(second.context, { id: again.upload.id });
    for (const id of parts) expect(await outcome(abortUpload(first.context, { id }))).toBe('ok');
  });

  async function verifyAllOf(node: UploadNode): Promise<void> {
    const waiting = await cluster.database.db.query<{ id: string }>({
      text: `SELECT id FROM upload_session WHERE state = 'verifying'`,
    });
    for (const { id } of waiting) await verifyUpload(node.services, { uploadId: id }, untroubledRun);
  }
});

describe('uploads past their time', () => {
  const expire = () => expireUploadSessions(first.services, {}, untroubledRun);

  it('end with all they wrote; those that are written to, or not yet past it, do not', async () => {
    const past = await begin(100);
    await appendUpload(first.context, { id: past, offset: 0, source: from(randomBytes(50)) });
    const key = (await row(past))?.object_key ?? '';
    expect(await traces(key)).not.toEqual([]);
    await set(past, `expires_at = now()`);
    const { upload: written } = await beginPartialUpload(first.context, { lengthBytes: 100 });
    await set(
      written.id,
      `expires_at = now(), writer = 'x', writer_expires_at = now() + interval '1 minute', state = 'receiving'`,
    );
    const { upload: young } = await beginPartialUpload(first.context, { lengthBytes: 100 });
    expect((await expire()).expired).toBeGreaterThanOrEqual(1);
    expect(await row(past)).toBeUndefined();
    expect(await traces(key)).toEqual([]);
    expect(await row(written.id)).toMatchObject({ state: 'receiving' });
    expect(await row(young.id)).toMatchObject({ state: 'open' });
    expect(await outcome(getUpload(first.context, { id: past }))).toBe('UPLOAD_NOT_FOUND');
  });

  it('that were parts, finished or not, end too; what was attached stays', async () => {
    const { upload: part } = await beginPartialUpload(first.context, { lengthBytes: 10 });
    await appendUpload(first.context, { id: part.id, offset: 0, source: from(randomBytes(10)) });
    const key = (await row(part.id))?.object_key ?? '';
    const bytes = randomBytes(10);
    const done = await begin(10);
    await appendUpload(first.context, { id: done, offset: 0, source: from(bytes) });
    for (const id of [part.id, done]) await set(id, `expires_at = now()`);
    await expire();
    expect([await row(part.id), await row(done)]).toEqual([undefined, undefined]);
    expect(await traces(key)).toEqual([]);
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });

  it('whose bytes cannot be removed stay on record for the next time', async () => {
    const id = await begin(100);
    await appendUpload(first.context, { id, offset: 0, source: from(randomBytes(50)) });
    await set(id, `expires_at = now()`);
    armFailpoints('upload:clear=fail');
    expect((await expire()).left).toBe(1);
    expect(await row(id)).toMatchObject({ state: 'expired' });
    await expire();
    expect(await row(id)).toBeUndefined();
  });

  it('that are whole wait for their verification, however late it comes: their place and their artifact wait with them', async () => {
    const bytes = randomBytes(10);
    const id = await begin(10);
    armFailpoints('upload:finish=fail');
    await expect(appendUpload(first.context, { id, offset: 0, source: from(bytes) })).rejects.toThrow('failpoint');
    await set(id, `expires_at = now()`);
    await expire();
    expect(await row(id)).toMatchObject({ state: 'verifying', offset: 10 });
    const again = beginUpload(first.context, { artifactId, slot: 'main', lengthBytes: 20 });
    expect(await outcome(again)).toBe('UPLOAD_BUSY');
    expect(await outcome(publishArtifact(first.context, { id: artifactId }))).toBe('UPLOAD_BUSY');
    expect(await verifyUpload(second.services, { uploadId: id }, untroubledRun)).toEqual({ outcome: 'finished' });
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
    expect(await outcome(publishArtifact(first.context, { id: artifactId }))).toBe('ok');
  });

  it('give way to nobody while they are verified, and are asked for again when nobody does', async () => {
    const id = await begin(10);
    armFailpoints('upload:finish=fail');
    await appendUpload(first.context, { id, offset: 0, source: from(randomBytes(10)) }).catch(() => undefined);
    await cluster.database.db.query({ text: 'DELETE FROM vitrine_jobs.job' });
    await set(id, `updated_at = now() - interval '10 minutes'`);
    expect((await expire()).woken).toBeGreaterThanOrEqual(1);
    const jobs = await cluster.database.db.query(
      { text: `SELECT 1 FROM vitrine_jobs.job WHERE data::text LIKE '%' || $1 || '%'` },
      [id],
    );
    expect(jobs).toHaveLength(1);
  });
});

describe('a repair of the stores', () => {
  it('knows what partial uploads wrote, until they are joined or over', async () => {
    const bytes = randomBytes(1000);
    const { upload } = await beginPartialUpload(first.context, { lengthBytes: bytes.length });
    await appendUpload(first.context, { id: upload.id, offset: 0, source: from(bytes) });
    const { upload: open } = await beginPartialUpload(first.context, { lengthBytes: 100 });
    await appendUpload(first.context, { id: open.id, offset: 0, source: from(randomBytes(50)) });
    const repair = () => reconcileStores(first.services, { repair: true, strayAgeMs: 0 }, untroubledRun);
    await repair();
    await repair();
    await appendUpload(first.context, { id: open.id, offset: 50, source: from(randomBytes(50)) });
    await joinUploads(first.context, { artifactId, slot: 'main', parts: [upload.id] });
    expect(await attached()).toEqual([{ sha256: sha256(bytes) }]);
  });
});

describe('a restart of the only node', () => {
  it('ends uploads in one request, and frees those in several from writers that are dead', async () => {
    const id = await begin(100);
    await appendUpload(first.context, { id, offset: 0, source: from(randomBytes(50)) });
    await set(id, `state = 'receiving', writer = 'dead', writer_expires_at = now() + interval '1 hour'`);
    await releaseUploads(first.services.db, first.services.blobs, first.services.settings.nodeId);
    expect(await row(id)).toMatchObject({ state: 'open', writer: null, offset: 50 });
    const view = await appendUpload(first.context, { id, offset: 50, source: from(randomBytes(50)) });
    expect(view.state).toBe('finished');
  });
});

describe('beginning an upload', () => {
  it('again, at once on two nodes, is one upload', async () => {
    const input = { artifactId, slot: 'main', lengthBytes: 10, declared: { sha256: sha256(randomBytes(1)) } };
    const begun = await Promise.all([first, second, first, second].map((node) => beginUpload(node.context, input)));
    expect(new Set(begun.map(({ upload }) => upload.id)).size).toBe(1);
    expect(begun.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it('beside uploads in one request into the same place leaves the place to one of them', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = (await createArtifact(first.context, { type: 'kit' })).id;
      const place = { artifactId: id, slot: 'main' };
      const bytes = randomBytes(200_000);
      const outcomes = await Promise.all([
        outcome(beginUpload(first.context, { ...place, lengthBytes: 10 })),
        outcome(uploadBlob(second.context, { ...place, source: from(bytes) })),
        outcome(beginUpload(second.context, { ...place, lengthBytes: 20 })),
      ]);
      for (const answer of outcomes) expect(['ok', 'UPLOAD_BUSY']).toContain(answer);
      expect(outcomes).toContain('ok');
      const text = `SELECT count(*)::integer AS count FROM upload_session WHERE artifact_id = $1 AND state IN ('open', 'receiving', 'verifying')`;
      const [open] = await cluster.database.db.query<{ count: number }>({ text }, [id]);
      expect(open?.count).toBeLessThanOrEqual(1);
    }
  });

  it('takes the place of an upload in one request whose writer is dead, and of no living one', async () => {
    const text = `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
        limit_bytes, writer, writer_expires_at, expires_at)
      VALUES ($1::uuid, 'default', 'someone', $2, 'main', '', 'main', 'text/plain', 'files', 'dead-' || $1::uuid, 'receiving', 1, 'dead',
        now() + interval '1 minute', now() + interval '1 minute')`;
    const single = randomUUID();
    await cluster.database.db.query({ text }, [single, artifactId]);
    expect(await outcome(begin(10))).toBe('UPLOAD_BUSY');
    await set(single, `writer_expires_at = now(), expires_at = now()`);
    expect(await outcome(begin(10))).toBe('ok');
    expect(await row(single)).not.toMatchObject({ state: 'receiving' });
  });

  it('keeps its artifact from being published, until it ends', async () => {
    const id = await begin(10);
    expect(await outcome(publishArtifact(first.context, { id: artifactId }))).toBe('UPLOAD_BUSY');
    await abortUpload(first.context, { id });
    expect(await outcome(publishArtifact(first.context, { id: artifactId }))).toBe('ok');
  });

  it('is refused past so many open ones of a project', async () => {
    await cluster.database.db.query({
      text: `INSERT INTO upload_session (id, kind, state, project, created_by, slot, key, path, media_type, store, object_key, limit_bytes, expires_at)
          SELECT gen_random_uuid(), 'partial', 'open', 'default', 'x', '', '', '', '', 'files', 'many-' || i, 1, now() + interval '1 hour'
          FROM generate_series(1, 10000) i`,
    });
    expect(await outcome(begin(10))).toBe('LIMIT_EXCEEDED');
    expect(await outcome(beginPartialUpload(first.context, {}))).toBe('LIMIT_EXCEEDED');
    await cluster.database.db.query({ text: `DELETE FROM upload_session WHERE object_key LIKE 'many-%'` });
    expect(await outcome(begin(10))).toBe('ok');
  });
});
