/** What a negotiation answers: never more than its caller could read anyway, all faults at once, and the same when asked again. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Visibility } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { type NegotiateUploadsResult, negotiateUploads } from '#ops/negotiate-uploads.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { actAs, createTestNode, type Node, outcome, putText, refusal } from '#test/support/operations.ts';
import { untilBlocked } from '#test/support/until-blocked.ts';
import { watchStatements } from '#test/support/watch-statements.ts';

let node: Node;
let own: OpContext;
let names = 0;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

function offer(text: string, slot = 'main', path?: string) {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { slot, ...(path === undefined ? {} : { path }), sizeBytes: Buffer.byteLength(text), sha256 };
}

async function draftOf(context: OpContext): Promise<string> {
  names += 1;
  return (await createArtifact(context, { type: 'kit', name: `negotiated-${names}`, version: '1.0.0' })).id;
}

function statesOf(result: NegotiateUploadsResult): string[] {
  return result.blobs.map(({ entry }) => (entry === null ? 'SEND' : 'HAVE'));
}

async function rows<Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> {
  return node.services.db.query<Row>({ text }, values);
}

describe('what counts as there', () => {
  const states = ['draft', 'active', 'yanked', 'deactivated', 'deleted'] as const;
  const visibilities: readonly Visibility[] = ['private', 'shared', 'community', 'public'];
  const viewers = ['own', 'pending', 'accepted', 'rejected', 'stranger', 'ops'] as const;
  const cases = states.flatMap((state) => visibilities.map((visibility) => [state, visibility] as const));

  it.each(cases)('in an artifact that is %s and %s: exactly what the caller could download', async (state, visibility) => {
    const owner = actAs(node.services, 'own', 'admin');
    names += 1;
    const text = `bytes of ${state} ${visibility}`;
    const { id } = await createArtifact(owner, { type: 'kit', name: `held-${names}`, version: '1.0.0', visibility });
    await putText(owner, id, 'main', text);
    if (state !== 'draft') await publishArtifact(owner, { id });
    if (visibility === 'shared') {
      for (const status of ['pending', 'accepted', 'rejected'] as const) {
        await addMember(owner, { artifactId: id, project: status });
        const member = actAs(node.services, status);
        // Nobody can accept or reject a draft, which only its own project sees.
        if (status !== 'pending' && state !== 'draft') await updateMember(member, { artifactId: id, project: status, status });
      }
    }
    if (state === 'yanked') await yankArtifact(owner, { id });
    if (state === 'deactivated') await deactivateArtifact(owner, { id });
    if (state === 'deleted') await deleteArtifact(owner, { id });
    const answers: string[] = [];
    const expected: string[] = [];
    for (const viewer of viewers) {
      const context = actAs(node.services, viewer, ...(viewer === 'ops' ? (['admin'] as const) : []));
      const canRead = (await outcome(openBlob(context, { artifactId: id, slot: 'main' }))) === 'ok';
      expected.push(`${viewer} ${canRead ? 'HAVE' : 'SEND'}`);
      const result = await negotiateUploads(context, { artifactId: await draftOf(context), blobs: [offer(text)] });
      answers.push(`${viewer} ${statesOf(result)[0]}`);
      // A draft that has got the bytes must not lend them to the next viewer.
      if (canRead) await deleteArtifact(context, { id: result.artifactId });
    }
    expect(answers).toEqual(expected);
  });

  it('tells nobody of bytes in another project: known and unknown digests have the same answer', async () => {
    const stranger = actAs(node.services, 'stranger');
    const secret = await draftOf(stranger);
    await putText(stranger, secret, 'main', 'a secret that is known');
    const id = await draftOf(own);
    const { blobs, revision } = await negotiateUploads(own, {
      artifactId: id,
      blobs: [offer('a secret that is known', 'docs', 'a'), offer('a secret nobody has', 'docs', 'b')],
    });
    expect(blobs.map(({ path: _path, ...answer }) => answer)).toEqual(
      Array(2).fill({ slot: 'docs', kind: 'map', entry: null, session: null }),
    );
    expect(revision).toBe(1);
  });

  it('is not what a digest names with another size', async () => {
    const first = await draftOf(own);
    await putText(own, first, 'main', 'sized');
    const blobs = [{ ...offer('sized'), sizeBytes: 6 }];
    expect(statesOf(await negotiateUploads(own, { artifactId: await draftOf(own), blobs }))).toEqual(['SEND']);
  });

  it('is not what no store has any more, also at its own place', async () => {
    const first = await draftOf(own);
    await putText(own, first, 'main', 'to be condemned');
    const blob = offer('to be condemned');
    await rows(
      `UPDATE location SET state = 'condemned' WHERE blob_id = (SELECT id FROM blob WHERE digest_value = $1)`,
      blob.sha256,
    );
    for (const artifactId of [first, await draftOf(own)]) {
      expect(statesOf(await negotiateUploads(own, { artifactId, blobs: [blob] }))).toEqual(['SEND']);
    }
  });

  it('is looked at after the lock that a collector holds', async () => {
    await putText(own, await draftOf(own), 'main', 'collected meanwhile');
    const blob = offer('collected meanwhile');
    const artifactId = await draftOf(own);
    const held = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const collector = node.services.db.transaction(async (tx) => {
      await tx.query({ text: 'SELECT 1 FROM blob WHERE digest_value = $1 FOR UPDATE' }, [blob.sha256]);
      held.resolve();
      await release.promise;
      const text = `UPDATE location SET state = 'condemned' WHERE blob_id = (SELECT id FROM blob WHERE digest_value = $1)`;
      await tx.query({ text }, [blob.sha256]);
    });
    await held.promise;
    const negotiation = negotiateUploads(own, { artifactId, blobs: [blob] });
    await untilBlocked(node.services.db);
    release.resolve();
    await collector;
    expect(statesOf(await negotiation)).toEqual(['SEND']);
  });
});

describe('what is there', () => {
  it('is attached at once, in the order asked, under one revision, with an event and an audit row each', async () => {
    const source = await draftOf(own);
    await putText(own, source, 'docs', 'one', 'a/1');
    await putText(own, source, 'docs', 'two', 'a/2');
    const artifactId = await draftOf(own);
    const blobs = [offer('two', 'docs', 'x/2'), offer('new', 'docs', 'x/3'), offer('one', 'main'), offer('one', 'docs', 'x/1')];
    const result = await negotiateUploads(own, { artifactId, blobs, expectedRevision: 1 });
    expect(statesOf(result)).toEqual(['HAVE', 'SEND', 'HAVE', 'HAVE']);
    expect(result.blobs.map(({ slot, path, kind }) => [slot, path, kind])).toEqual([
      ['docs', 'x/2', 'map'],
      ['docs', 'x/3', 'map'],
      ['main', 'main', 'one'],
      ['docs', 'x/1', 'map'],
    ]);
    const { slots, revision } = await getArtifact(own, { id: artifactId });
    expect(revision).toBe(2);
    expect(result.revision).toBe(2);
    expect(slots).toEqual([result.blobs[3]?.entry, result.blobs[0]?.entry, result.blobs[2]?.entry]);
    const changes = await rows<{ path: string; caller: string; revision: number }>(
      `SELECT e.payload->>'path' AS path, u.caller, e.revision FROM event e
        JOIN audit u ON u.subject_id = e.subject_id AND u.tx = e.tx AND u.detail->>'path' = e.payload->>'path'
        WHERE e.subject_id = $1 AND e.kind = 'artifact.blob.attached' AND u.action = 'blob:upload' ORDER BY e.id`,
      artifactId,
    );
    expect(changes).toEqual(['x/2', 'main', 'x/1'].map((path) => ({ path, caller: 'user-of-own', revision: 2 })));
    const placed = await rows('SELECT slot, store FROM placement WHERE artifact_id = $1 ORDER BY slot', artifactId);
    expect(placed).toEqual(['docs', 'main'].map((slot) => ({ slot, store: 'local' })));
    expect(await outcome(openBlob(own, { artifactId, slot: 'docs', path: 'x/1' }))).toBe('ok');
  });

  it('stays as it is when it is asked for again', async () => {
    const source = await draftOf(own);
    await putText(own, source, 'docs', 'again', 'a');
    const artifactId = await draftOf(own);
    const input = { artifactId, blobs: [offer('again', 'docs', 'a'), offer('more', 'docs', 'b')] };
    const first = await negotiateUploads(own, input);
    expect(await negotiateUploads(own, input)).toEqual(first);
    await putText(own, artifactId, 'docs', 'more', 'b');
    const last = await negotiateUploads(own, input);
    expect([statesOf(last), last.revision]).toEqual([['HAVE', 'HAVE'], 3]);
    expect(await rows('SELECT 1 FROM event WHERE subject_id = $1', artifactId)).toHaveLength(3);
  });

  it('takes the place of what stood there, also under another path or media type', async () => {
    const artifactId = await draftOf(own);
    await putText(own, artifactId, 'main', 'old');
    await putText(own, artifactId, 'docs', 'new', 'n');
    const blobs = [{ ...offer('new', 'main', 'main.txt'), mediaType: 'text/plain' }];
    expect(statesOf(await negotiateUploads(own, { artifactId, blobs }))).toEqual(['HAVE']);
    const { slots } = await getArtifact(own, { id: artifactId });
    expect(slots.filter(({ slot }) => slot === 'main')).toMatchObject([
      { path: 'main.txt', mediaType: 'text/plain', sizeBytes: 3 },
    ]);
    const renamed = { ...offer('new', 'main', 'main.md'), mediaType: 'text/markdown' };
    expect((await negotiateUploads(own, { artifactId, blobs: [renamed] })).revision).toBe(5);
  });
});

describe('an upload that was begun', () => {
  async function begin(artifactId: string, text: string, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { sha256, sizeBytes } = offer(text);
    const row = {
      ...{
        id: randomUUID(),
        project: 'own',
        created_by: 'user-of-own',
        artifact_id: artifactId,
        slot: 'main',
        key: '',
        path: 'main',
      },
      ...{
        kind: 'whole',
        media_type: 'application/octet-stream',
        store: 'local',
        object_key: randomUUID(),
        state: 'open',
        offset_bytes: 4,
        length_bytes: sizeBytes,
      },
      ...{ limit_bytes: 1000, digest_algorithm: 'sha256', digest_value: sha256, expires_at: '2100-01-01' },
      ...changes,
    };
    const names = Object.keys(row);
    await rows(
      `INSERT INTO upload_session (${names.join()}) VALUES (${names.map((_, index) => `$${index + 1}`).join()})`,
      ...Object.values(row),
    );
    return row.id;
  }

  it('is offered to who began it, with what is kept of it', async () => {
    const artifactId = await draftOf(own);
    const id = await begin(artifactId, 'half sent');
    const { blobs } = await negotiateUploads(own, { artifactId, blobs: [offer('half sent')] });
    expect(blobs).toMatchObject([{ entry: null, session: { id, offset: 4 } }]);
  });

  it.each([
    ['of another caller', { created_by: 'user-of-other' }],
    ['in another project', { project: 'other' }],
    ['of other bytes', { digest_value: offer('other').sha256 }],
    ['of another length', { length_bytes: 8 }],
    ['of a length to be told', { length_bytes: null }],
    ['under another path', { path: 'other' }],
    ['of another media type', { media_type: 'text/plain' }],
    ['that lives within one request', { kind: 'single' }],
    ['that has expired', { expires_at: '2000-01-01' }],
    ['that has failed', { state: 'failed' }],
  ])('is not offered when it is one %s', async (_what, changes) => {
    const artifactId = await draftOf(own);
    await begin(artifactId, 'half sent', changes);
    const { blobs } = await negotiateUploads(own, { artifactId, blobs: [offer('half sent')] });
    expect(blobs).toMatchObject([{ entry: null, session: null }]);
  });

  it('gives way to bytes that are there: its draft waits for nothing that nobody sends any more', async () => {
    await putText(own, await draftOf(own), 'main', 'sent elsewhere meanwhile');
    const artifactId = await draftOf(own);
    const id = await begin(artifactId, 'sent elsewhere meanwhile');
    expect(statesOf(await negotiateUploads(own, { artifactId, blobs: [offer('sent elsewhere meanwhile')] }))).toEqual(['HAVE']);
    expect(await rows('SELECT state FROM upload_session WHERE id = $1', id)).toEqual([]);
    expect(await outcome(publishArtifact(own, { id: artifactId }))).toBe('ok');
  });

  it.each([
    ['of another caller', { created_by: 'user-of-other' }],
    ['that is being written to', { state: 'receiving', writer: 'somebody', writer_expires_at: '2100-01-01' }],
    ['that is verified', { state: 'verifying' }],
    ['into another place', { slot: 'docs', key: 'a', path: 'a' }],
  ])('stays when it is one %s', async (_what, changes) => {
    await putText(own, await draftOf(own), 'main', 'sent elsewhere too');
    const artifactId = await draftOf(own);
    const id = await begin(artifactId, 'sent elsewhere too', changes);
    expect(statesOf(await negotiateUploads(own, { artifactId, blobs: [offer('sent elsewhere too')] }))).toEqual(['HAVE']);
    expect(await rows('SELECT id FROM upload_session WHERE id = $1', id)).toEqual([{ id }]);
  });
});

describe('faults', () => {
  it('names every bad blob with a pointer, and changes nothing', async () => {
    await putText(own, await draftOf(own), 'main', 'known');
    const artifactId = await draftOf(own);
    await putText(own, artifactId, 'docs', 'there', 'there/a');
    const blobs = [
      offer('known', 'docs', 'good'),
      offer('x', 'no-such-slot'),
      offer('x', 'docs'),
      offer('x', 'docs', '../up'),
      { ...offer('x', 'docs', 'large'), sizeBytes: 1024 * 1024 + 1 },
      { ...offer('x', 'docs', 'digest'), sha256: 'ABC' },
      { ...offer('x', 'docs', 'size'), sizeBytes: -1 },
      { ...offer('x', 'docs', 'type'), mediaType: 'nonsense' },
    ];
    const error = await refusal(negotiateUploads(own, { artifactId, blobs }));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: 'Of 8 blobs 7 cannot be taken.' });
    expect(error.faults.map(({ pointer }) => pointer)).toEqual([
      '/blobs/1/slot',
      '/blobs/2/path',
      '/blobs/3/path',
      '/blobs/4/sizeBytes',
      '/blobs/5/sha256',
      '/blobs/6/sizeBytes',
      '/blobs/7/mediaType',
    ]);
    expect((await getArtifact(own, { id: artifactId })).slots).toHaveLength(1);
  });

  it.each([
    ['SLOT_UNKNOWN', [offer('x', 'other')], ['/blobs/0/slot']],
    ['PATH_INVALID', [offer('x', 'docs', 'ok'), offer('x', 'docs', 'a//b')], ['/blobs/1/path']],
    ['BLOB_TOO_LARGE', [{ ...offer('x'), sizeBytes: 2 ** 40 }], ['/blobs/0/sizeBytes']],
    ['PATH_TAKEN', [offer('x', 'docs', 'a'), offer('y', 'docs', 'a')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x'), offer('y')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x'), offer('y', 'main', 'other')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x', 'main', 'm'), offer('y', 'docs', 'm')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x', 'docs', 'README'), offer('y', 'docs', 'readme')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x', 'docs', 'a/b/c'), offer('y', 'docs', 'A')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x', 'docs', 'a'), offer('y', 'docs', 'a/b/c')], ['/blobs/1/path']],
    ['PATH_TAKEN', [offer('x', 'docs', 'held')], ['/blobs/0/path']],
    ['PATH_TAKEN', [offer('x', 'docs', 'held/held/deep')], ['/blobs/0/path']],
    ['SLOT_FULL', Array.from({ length: 11 }, (_, index) => offer('x', 'docs', `f${index}`)), ['/blobs/9/slot', '/blobs/10/slot']],
  ] as const)('says %s for what is wrong in one way only', async (code, blobs, pointers) => {
    const artifactId = await draftOf(own);
    await putText(own, artifactId, 'docs', 'held', 'Held/held');
    const error = await refusal(negotiateUploads(own, { artifactId, blobs }));
    expect([error.code, error.faults.map(({ pointer }) => pointer)]).toEqual([code, pointers]);
  });

  it('names each blob once, also where every one is a folder of all that follow', async () => {
    const artifactId = await draftOf(own);
    const blobs = Array.from({ length: 9 }, (_, index) => offer('x', 'docs', 'a/'.repeat(index).concat('a')));
    const error = await refusal(negotiateUploads(own, { artifactId, blobs }));
    expect([error.code, error.faults.map(({ pointer }) => pointer)]).toEqual([
      'PATH_TAKEN',
      [1, 2, 3, 4, 5, 6, 7, 8].map((index) => `/blobs/${index}/path`),
    ]);
  });

  it('lets an entry be replaced in a full slot', async () => {
    const artifactId = await draftOf(own);
    const blobs = Array.from({ length: 10 }, (_, index) => offer(`full ${index}`, 'docs', `f${index}`));
    for (const { path = '' } of blobs) await putText(own, artifactId, 'docs', 'full 3', path);
    expect(statesOf(await negotiateUploads(own, { artifactId, blobs })).filter((state) => state === 'HAVE')).toHaveLength(1);
  });

  it('refuses more blobs than one negotiation takes, what is no draft, and another revision', async () => {
    const artifactId = await draftOf(own);
    const many = Array.from({ length: 1001 }, (_, index) => offer('x', 'docs', `f${index}`));
    expect(await outcome(negotiateUploads(own, { artifactId, blobs: many }))).toBe('LIMIT_EXCEEDED');
    expect(await outcome(negotiateUploads(own, { artifactId, blobs: [], expectedRevision: 2 }))).toBe('REVISION_CONFLICT');
    await publishArtifact(own, { id: artifactId });
    expect(await outcome(negotiateUploads(own, { artifactId, blobs: [] }))).toBe('STATE_CONFLICT');
  });

  it('knows neither what is not there nor what its caller may not see', async () => {
    const artifactId = await draftOf(own);
    const answers = [];
    for (const [context, id] of [
      [actAs(node.services, 'stranger'), artifactId],
      [own, randomUUID()],
      [own, 'no id'],
      [actAs(node.services, 'own', 'reader'), artifactId],
    ] as const) {
      answers.push(await outcome(negotiateUploads(context, { artifactId: id, blobs: [] })));
    }
    expect(answers).toEqual(['ARTIFACT_NOT_FOUND', 'ARTIFACT_NOT_FOUND', 'ARTIFACT_NOT_FOUND', 'FORBIDDEN']);
  });
});

describe('what it costs', () => {
  it('asks the database as often for one blob as for ten', async () => {
    const source = await draftOf(own);
    for (let index = 0; index < 10; index += 1) await putText(own, source, 'docs', `costs ${index}`, `f${index}`);
    const counts: number[] = [];
    for (const size of [1, 10]) {
      const { db, names } = watchStatements(node.services.db);
      const blobs = Array.from({ length: size }, (_, index) => offer(`costs ${index}`, 'docs', `f${index}`));
      const context = { ...own, db };
      expect(new Set(statesOf(await negotiateUploads(context, { artifactId: await draftOf(own), blobs })))).toEqual(
        new Set(['HAVE']),
      );
      counts.push(names.length);
    }
    expect(counts[0]).toBe(counts[1]);
    expect(counts[0]).toBeLessThanOrEqual(11);
  });
});
