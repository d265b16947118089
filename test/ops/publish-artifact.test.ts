import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBlobs } from '#blobs/blobs.ts';
import { claimStores } from '#ops/claim-stores.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import type { TypeHooks } from '#sdk/sdk.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, putText, refusal } from '#test/support/operations.ts';
import type { RunnableHooks } from '#types/type-registry.ts';

let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

async function draft(input: Partial<Parameters<typeof createArtifact>[1]> = {}): Promise<string> {
  return (await createArtifact(own, { type: 'kit', ...input })).id;
}

async function publishDraft(input: Partial<Parameters<typeof createArtifact>[1]>): ReturnType<typeof publishArtifact> {
  return publishArtifact(own, { id: await draft(input) });
}

describe('publishing a draft', () => {
  it('makes it active, with derived properties, a digest, a dated name, an event and an audit row', async () => {
    const id = await draft({ name: 'whole', version: '1.0.0', properties: { title: 'Whole' } });
    await putText(own, id, 'main', 'hello');
    await putText(own, id, 'docs', 'more', 'a/b.txt');
    const published = await publishArtifact(own, { id });
    expect(published).toMatchObject({ state: 'active', expiresAt: null, properties: { title: 'Whole', total_bytes: 9 } });
    expect(published.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(published.publishedAt).not.toBeNull();
    expect(published.slots.map(({ path }) => path)).toEqual(['a/b.txt', 'main']);
    const { db } = node.services;
    const names = await db.query({ text: 'SELECT version, valid_to FROM artifact_name WHERE artifact_id = $1' }, [id]);
    expect(names).toEqual([{ version: '1.0.0', valid_to: null }]);
    const [event] = await db.query<{ revision: number; tx: string }>(
      { text: `SELECT revision, tx FROM event WHERE subject_id = $1 AND kind = 'artifact.published'` },
      [id],
    );
    const audits = await db.query(
      { text: `SELECT caller, tx, source_address, request_id FROM audit WHERE subject_id = $1 AND action = 'artifact:publish'` },
      [id],
    );
    expect(event?.revision).toBe(published.revision);
    expect(audits).toEqual([{ caller: 'user-of-own', tx: event?.tx, source_address: '192.0.2.1', request_id: own.requestId }]);
  });

  it.each([
    ['A.txt', 'a.txt'],
    ['A', 'a/b'],
  ])('refuses paths of an older Vitrine that one folder cannot hold everywhere: %s, %s', async (first, second) => {
    const id = await draft({ name: 'cases' });
    await putText(own, id, 'docs', 'one', first);
    await putText(own, id, 'docs', 'two', 'other');
    await node.services.db.query(
      { text: `UPDATE artifact_blob SET key = $2, path = $2 WHERE artifact_id = $1 AND key = 'other'` },
      [id, second],
    );
    const error = await refusal(publishArtifact(own, { id }));
    expect(error.code).toBe('PATH_TAKEN');
    expect(error.message).toContain(`path ${first} `);
  });

  it('gives an unversioned artifact no digest and no family', async () => {
    const published = await publishDraft({ name: 'loose' });
    expect(published).toMatchObject({ state: 'active', digest: null, familyId: null, name: 'loose', version: null });
  });

  it('digests content only: two projects with the same content have the same digest', async () => {
    const first = await publishDraft({ name: 'same', version: '1.0.0', properties: { title: 'x', note: 'one' }, tags: ['a'] });
    const other = actAs(node.services, 'other');
    const second = await publishKit(other, { name: 'same', properties: { note: 'two', title: 'x' } });
    expect(second.digest).toBe(first.digest);
    const third = await publishKit(other, { name: 'same', version: '1.0.1', properties: { title: 'x' } });
    expect(third.digest).not.toBe(first.digest);
  });

  it('answers the live version when it is the same, and removes the draft', async () => {
    const first = await publishDraft({ name: 'twice', version: '2.0.0', properties: { title: 't' } });
    const again = await draft({ name: 'twice', version: '2.0.0+build.5', properties: { title: 't' } });
    expect(await outcome(publishArtifact(own, { id: again }))).toBe('VERSION_EXISTS');
    const same = await draft({ name: 'twice', version: '2.0.0', properties: { title: 't' } });
    const answer = await publishArtifact(own, { id: same });
    expect(answer).toEqual(first);
    expect(await outcome(getArtifact(own, { id: same }))).toBe('ARTIFACT_NOT_FOUND');
  });

  it('refuses other content under a version for ever, and takes the same content over a tombstone', async () => {
    const first = await publishDraft({ name: 'over', version: '1.0.0', properties: { title: 'one' } });
    const id = await draft({ name: 'over', version: '1.0.0', properties: { title: 'two' } });
    const error = await refusal(publishArtifact(own, { id }));
    expect(error).toMatchObject({ code: 'VERSION_EXISTS', details: { id: first.id, digest: first.digest } });
    await deactivateArtifact(own, { id: first.id });
    expect(await outcome(publishArtifact(own, { id }))).toBe('VERSION_EXISTS');
    await deleteArtifact(own, { id: first.id });
    expect(await refusal(publishArtifact(own, { id }))).toMatchObject({
      code: 'VERSION_EXISTS',
      details: { id: first.id, digest: first.digest },
    });
    const again = await publishDraft({ name: 'over', version: '1.0.0', properties: { title: 'one' } });
    expect(again).toMatchObject({ state: 'active', version: '1.0.0', digest: first.digest });
    expect(again.id).not.toBe(first.id);
    const rows = await node.services.db.query({ text: 'SELECT version, state, digest_value FROM artifact WHERE id = $1' }, [
      first.id,
    ]);
    expect(rows).toEqual([{ version: '1.0.0', state: 'deleted', digest_value: first.digest?.slice(7) }]);
  });

  it('does the same request once, under an idempotency key', async () => {
    const id = await draft({ name: 'keyed', version: '1.0.0' });
    const first = await publishArtifact(own, { id, idempotencyKey: 'publish-1' });
    expect(await publishArtifact(own, { id, idempotencyKey: 'publish-1' })).toEqual(first);
    expect(await outcome(publishArtifact(own, { id }))).toBe('STATE_CONFLICT');
    expect(await outcome(publishArtifact(own, { id, expectedRevision: 9, idempotencyKey: 'publish-1' }))).toBe('KEY_REUSED');
    // The key is the same caller's, who may only read by now.
    const demoted = actAs(node.services, 'own', 'reader');
    expect(await outcome(publishArtifact(demoted, { id, idempotencyKey: 'publish-1' }))).toBe('FORBIDDEN');
  });

  it('refuses another revision than the expected, saying which there is', async () => {
    const id = await draft();
    const error = await refusal(publishArtifact(own, { id, expectedRevision: 7 }));
    expect(error).toMatchObject({ code: 'REVISION_CONFLICT', details: { currentRevision: 1 } });
  });
});

describe('the hooks of a publish', () => {
  /** The node with one connection, and the kit type with other hooks. */
  async function withHooks(hooks: Partial<RunnableHooks>): Promise<OpContext> {
    const services = await node.second(1);
    const kit = services.types.get('kit');
    const has = new Set([...kit.hooks.has, ...(Object.keys(hooks) as (keyof TypeHooks)[])]);
    const changed = { ...kit, hooks: { ...kit.hooks, ...hooks, has } };
    const types = { ...services.types, types: new Map([...services.types.types, ['kit', changed]]), get: () => changed };
    return actAs({ ...services, types }, 'own');
  }

  it('hold no connection: the only one of the pool answers while a hook runs', async () => {
    const single: OpContext = await withHooks({
      derive: async () => {
        await single.db.query({ text: 'SELECT 1' });
        return { total_bytes: 7 };
      },
    });
    const id = await draft();
    expect(await publishArtifact(single, { id })).toMatchObject({ state: 'active', properties: { total_bytes: 7 } });
  });

  it('run again on the artifact as it is, when it was changed while they ran', async () => {
    const seen: unknown[] = [];
    const id = await draft({ properties: { title: 'before' } });
    const changing = await withHooks({
      derive: async ({ properties }) => {
        seen.push(properties['title']);
        if (seen.length === 1) await updateArtifact(own, { id, properties: { title: 'after' } });
        return {};
      },
    });
    expect(await publishArtifact(changing, { id })).toMatchObject({ properties: { title: 'after' }, revision: 3 });
    expect(seen).toEqual(['before', 'after']);
    const named = await draft({ properties: { title: 'before' } });
    const racing = await withHooks({
      derive: async () => {
        await updateArtifact(own, { id: named, properties: { title: 'after' } });
        return {};
      },
    });
    expect(await outcome(publishArtifact(racing, { id: named, expectedRevision: 1 }))).toBe('REVISION_CONFLICT');
  });
});

describe('what stops a publish', () => {
  it('names required slots and dependencies that are missing, and required properties', async () => {
    const { id } = await createArtifact(own, { type: 'strict' });
    expect(await refusal(publishArtifact(own, { id }))).toMatchObject({
      code: 'SLOT_MISSING',
      faults: [{ pointer: '/slots/main' }],
    });
    await putText(own, id, 'main', 'x');
    expect(await outcome(publishArtifact(own, { id }))).toBe('DEPENDENCY_INVALID');
    const kit = await publishDraft({ name: 'strict-base', version: '1.0.0' });
    await updateArtifact(own, { id, dependencies: [{ slot: 'base', alias: 'base', ref: kit.id }] });
    expect(await refusal(publishArtifact(own, { id }))).toMatchObject({
      code: 'PROPERTIES_INVALID',
      faults: [{ pointer: '/properties/title' }],
    });
    await updateArtifact(own, { id, properties: { title: 'now' } });
    expect(await outcome(publishArtifact(own, { id }))).toBe('ok');
  });

  it('is what the hooks of the type find', async () => {
    const evil = await draft();
    await putText(own, evil, 'docs', 'EVIL bytes', 'evil.txt');
    expect(await refusal(publishArtifact(own, { id: evil }))).toMatchObject({
      code: 'BLOB_REFUSED',
      faults: [{ pointer: '/slots/docs/evil.txt', message: 'is evil' }],
    });
    const thirteen = await draft();
    await putText(own, thirteen, 'main', 'thirteen byte');
    expect(await outcome(publishArtifact(own, { id: thirteen }))).toBe('BLOB_REFUSED');
    expect(await getArtifact(own, { id: thirteen })).toMatchObject({ state: 'draft', properties: {} });
  });

  it.each(['derive-fails', 'derive-badly', 'derive-foreign'])(
    'is a failing hook, as the fault of the type: %s',
    async (title) => {
      expect(await outcome(publishDraft({ properties: { title } }))).toBe('TYPE_HOOK_FAILED');
    },
  );

  it('is an upload that has not ended', async () => {
    const id = await draft();
    await node.services.db.query(
      {
        text: `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
          limit_bytes, expires_at) VALUES ($1::uuid, 'own', 'x', $1::uuid, 'main', '', 'main', 'text/plain', 'local', 'some key', 'receiving', 1,
          now() + interval '1 minute')`,
      },
      [id],
    );
    expect(await outcome(publishArtifact(own, { id }))).toBe('UPLOAD_BUSY');
    await node.services.db.query({ text: `UPDATE upload_session SET expires_at = now() WHERE id = $1` }, [id]);
    expect(await outcome(publishArtifact(own, { id }))).toBe('ok');
  });

  it('is a blob without a live location', async () => {
    const id = await draft();
    await putText(own, id, 'main', 'lost bytes');
    await node.services.db.query(
      {
        text: `UPDATE location SET state = 'condemned' WHERE blob_id = (SELECT blob_id FROM artifact_blob WHERE artifact_id = $1)`,
      },
      [id],
    );
    expect(await outcome(publishArtifact(own, { id }))).toBe('BLOB_UNAVAILABLE');
  });

  it('is bytes that the type looks at and no store has; those that one store has lost are read from another', async () => {
    const id = await draft();
    await putText(own, id, 'main', 'EVIL, in two stores');
    const { storeFolder } = node;
    const { db } = node.services;
    const [first] = await db.query<{ blob: string; key: string }>(
      {
        text: `SELECT l.blob_id AS blob, l.object_key AS key FROM location l JOIN artifact_blob ab ON ab.blob_id = l.blob_id
          WHERE ab.artifact_id = $1`,
      },
      [id],
    );
    if (first === undefined) throw new Error('no location');
    const path = await mkdtemp(join(tmpdir(), 'vitrine-other-'));
    const config = (name: string, folder: string) => ({ name, kind: 'filesystem', path: folder }) as const;
    const stores = [config('local', storeFolder), config('other', path)];
    await using blobs = await openBlobs({ stores, defaultStore: 'local' });
    const context = actAs(node.with({ blobs }), 'own');
    await claimStores(db, blobs, randomUUID());
    await db.query(
      {
        text: `INSERT INTO location (id, blob_id, store, object_key, state, created_at)
          VALUES (gen_random_uuid(), $1, 'other', $2, 'live', now() + interval '1 hour')`,
      },
      [first.blob, first.key],
    );
    const object = (folder: string) => join(folder, 'objects', first.key.slice(0, 2), first.key);
    await mkdir(join(path, 'objects', first.key.slice(0, 2)), { recursive: true });
    await copyFile(object(storeFolder), object(path));
    await truncate(object(storeFolder), 2);
    expect(await outcome(publishArtifact(context, { id }))).toBe('BLOB_REFUSED');
    await rm(object(storeFolder));
    expect(await outcome(publishArtifact(context, { id }))).toBe('BLOB_REFUSED');
    await rm(object(path));
    expect(await outcome(publishArtifact(context, { id }))).not.toMatch(/^(ok|BLOB_REFUSED)$/);
    await rm(path, { recursive: true });
  });

  it('is a type that is not loaded any more', async () => {
    const id = await draft();
    const types = { ...node.services.types, types: new Map() };
    const bare = actAs(node.with({ types }), 'own');
    expect(await outcome(publishArtifact(bare, { id }))).toBe('TYPE_UNLOADED');
    expect(await outcome(getArtifact(bare, { id }))).toBe('ok');
  });
});

describe('pinning dependencies', () => {
  const uses = (ref: string, alias = 'dep') => ({ slot: 'uses', alias, ref });

  async function pins(id: string): Promise<Record<string, string | null>> {
    const dependencies = (await listDependencies(own, { artifactIds: [id] })).get(id) ?? [];
    return Object.fromEntries(dependencies.map(({ alias, resolved }) => [alias, resolved?.version ?? null]));
  }

  async function problems(input: Parameters<typeof publishDraft>[0]) {
    const error = await refusal(publishDraft(input));
    expect(error.code).toBe('DEPENDENCY_UNRESOLVED');
    return error.details['problems'];
  }

  it('takes the highest active, unyanked match, and no prerelease unless it is asked for', async () => {
    for (const version of ['1.0.0', '1.2.0', '1.10.0', '1.11.0-rc.1', '2.0.0']) await publishKit(own, { name: 'lib', version });
    const yanked = await publishKit(own, { name: 'lib', version: '1.12.0' });
    await yankArtifact(own, { id: yanked.id });
    const deactivated = await publishKit(own, { name: 'lib', version: '1.13.0' });
    await deactivateArtifact(own, { id: deactivated.id });
    const dependencies = [uses('kit/lib@^1', 'caret'), uses('kit/lib@1.2.x || 1.0.0', 'x'), uses('kit/lib', 'any')];
    const { id } = await publishDraft({ dependencies: [...dependencies, uses('kit/lib@>=1.11.0-rc.0 <1.12', 'rc')] });
    expect(await pins(id)).toEqual({ caret: '1.10.0', x: '1.2.0', any: '2.0.0', rc: '1.11.0-rc.1' });
  });

  it('says what is wrong with each dependency that has no answer', async () => {
    const yanked = await publishKit(own, { name: 'gone', version: '1.0.0' });
    await yankArtifact(own, { id: yanked.id });
    const off = await publishKit(own, { name: 'gone', version: '2.0.0' });
    await deactivateArtifact(own, { id: off.id });
    await publishKit(own, { name: 'gone', version: '3.0.0' });
    const dependencies = [
      uses('kit/nowhere', 'nowhere'),
      uses('kit/gone@^4', 'range'),
      uses('kit/gone@1.0.0', 'yanked'),
      uses('kit/gone@2.0.0', 'deactivated'),
      uses(yanked.id, 'yanked-id'),
      uses(off.id, 'deactivated-id'),
      uses('00000000-0000-4000-8000-000000000000', 'no-id'),
    ];
    expect(await problems({ dependencies })).toMatchObject([
      { kind: 'NOT_FOUND', alias: 'nowhere' },
      { kind: 'NO_MATCH', alias: 'range', candidates: ['3.0.0'] },
      { kind: 'YANKED', alias: 'yanked' },
      { kind: 'DEACTIVATED', alias: 'deactivated' },
      { kind: 'YANKED', alias: 'yanked-id' },
      { kind: 'DEACTIVATED', alias: 'deactivated-id' },
      { kind: 'NOT_FOUND', alias: 'no-id' },
    ]);
  });

  it('pins an unversioned artifact by its id, and digests what its slots hold', async () => {
    const loose = async (text: string) => {
      const id = await draft({ name: 'loose' });
      await putText(own, id, 'main', text);
      return publishArtifact(own, { id });
    };
    const [a, twin, other] = [await loose('same'), await loose('same'), await loose('other')];
    const digestOver = async (ref: string, project: string) => {
      const { id } = await createArtifact(actAs(node.services, 'ops', 'admin'), {
        ...{ type: 'kit', project, name: 'over-loose', version: '1.0.0', dependencies: [uses(ref)] },
      });
      return (await publishArtifact(actAs(node.services, 'ops', 'admin'), { id })).digest;
    };
    for (const { id } of [a, twin, other]) await updateArtifact(own, { id, visibility: 'community' });
    const digest = await digestOver(a.id, 'p1');
    expect(await digestOver(twin.id, 'p2')).toBe(digest);
    expect(await digestOver(other.id, 'p3')).not.toBe(digest);
  });

  it('refuses an id of a type that the slot does not take', async () => {
    const kit = await publishKit(own, { name: 'typed' });
    const { id } = await createArtifact(own, { type: 'strict', name: 'typed', version: '1.0.0', properties: { title: 't' } });
    await putText(own, id, 'main', 'x');
    await updateArtifact(own, { id, dependencies: [{ slot: 'base', alias: 'base', ref: kit.id }] });
    const strict = await publishArtifact(own, { id });
    expect(await outcome(publishDraft({ dependencies: [{ slot: 'core', alias: 'a', ref: strict.id }] }))).toBe(
      'DEPENDENCY_INVALID',
    );
  });

  it('looks in the own project, then in the trusted ones in order, and the first with the family decides alone', async () => {
    const admin = actAs(node.services, 'ops', 'admin');
    const publishIn = (project: string, name: string, version: string, visibility: 'public' | 'private' = 'public') =>
      publishKit(admin, { project, name, version, visibility });
    await publishIn('library', 'shelf', '1.0.0');
    await publishIn('vendor', 'shelf', '1.5.0');
    await publishIn('stranger', 'shelf', '1.9.0');
    expect(await pins((await publishDraft({ dependencies: [uses('kit/shelf@^1')] })).id)).toEqual({ dep: '1.0.0' });
    expect(await problems({ dependencies: [uses('kit/shelf@^1.4')] })).toMatchObject([
      { kind: 'NO_MATCH', candidates: ['1.0.0'] },
    ]);
    expect(await pins((await publishDraft({ dependencies: [uses('vendor/kit/shelf@^1')] })).id)).toEqual({ dep: '1.5.0' });
    await publishKit(own, { name: 'shelf', version: '1.1.0' });
    expect(await pins((await publishDraft({ dependencies: [uses('kit/shelf@^1')] })).id)).toEqual({ dep: '1.1.0' });
    // What the viewer may not see does not decide: it would tell that it is there.
    await publishIn('library', 'secret', '1.0.0', 'private');
    await publishIn('vendor', 'secret', '1.0.0');
    expect(await pins((await publishDraft({ dependencies: [uses('kit/secret')] })).id)).toEqual({ dep: '1.0.0' });
    expect(await problems({ dependencies: [uses('library/kit/secret')] })).toMatchObject([{ kind: 'NOT_FOUND' }]);
  });

  it('finds community and hidden versions only where the reference names the project', async () => {
    const admin = actAs(node.services, 'ops', 'admin');
    await publishKit(admin, { project: 'library', name: 'quiet', version: '1.0.0', visibility: 'public' });
    await publishKit(admin, { project: 'library', name: 'quiet', version: '1.1.0', visibility: 'community' });
    const hidden = await publishKit(admin, { project: 'library', name: 'quiet', version: '1.2.0', visibility: 'public' });
    await updateArtifact(admin, { id: hidden.id, hidden: true });
    expect(await pins((await publishDraft({ dependencies: [uses('kit/quiet')] })).id)).toEqual({ dep: '1.0.0' });
    expect(await pins((await publishDraft({ dependencies: [uses('library/kit/quiet')] })).id)).toEqual({ dep: '1.2.0' });
    expect(await pins((await publishDraft({ dependencies: [uses('library/kit/quiet@1.1.x')] })).id)).toEqual({ dep: '1.1.0' });
  });

  it('refuses a singleton whose versions no range brings together, also deep in the closure', async () => {
    const core = (ref: string, alias = 'core') => ({ slot: 'core', alias, ref });
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) await publishKit(own, { name: 'single', version });
    await publishKit(own, { name: 'mid1', dependencies: [uses('kit/single@1.0.0')] });
    await publishKit(own, { name: 'mid2', dependencies: [core('kit/single@^2')] });
    await publishKit(own, { name: 'mid-caret', dependencies: [uses('kit/single@^1')] });
    // Any edge that says singleton binds all edges into the family.
    expect(await problems({ dependencies: [core('kit/single@^1'), uses('kit/mid2')] })).toMatchObject([
      { kind: 'CONFLICT', alias: 'core' },
    ]);
    expect(await problems({ dependencies: [uses('kit/mid1', 'a'), uses('kit/mid2', 'b')] })).toMatchObject([
      { kind: 'CONFLICT' },
    ]);
    // 1.1.0 is higher, and 1.0.0 does for both.
    const { id } = await publishDraft({ dependencies: [core('kit/single@^1'), uses('kit/mid1')] });
    expect(await pins(id)).toEqual({ core: '1.0.0', dep: '1.0.0' });
    const both = await publishDraft({ dependencies: [core('kit/single@1.x', 'a'), core('kit/single@<=1.0.0', 'b')] });
    expect(await pins(both.id)).toEqual({ a: '1.0.0', b: '1.0.0' });
    expect(await outcome(publishDraft({ dependencies: [uses('kit/mid1', 'a'), uses('kit/mid-caret', 'b')] }))).toBe('ok');
  });

  it('takes the higher version beside a singleton that was pinned below and yanked since', async () => {
    const old = await publishKit(own, { name: 'renewed', version: '1.0.0' });
    await publishKit(own, { name: 'on-renewed', dependencies: [uses('kit/renewed')] });
    await publishKit(own, { name: 'renewed', version: '1.1.0' });
    await yankArtifact(own, { id: old.id });
    const dependencies = [{ slot: 'core', alias: 'core', ref: 'kit/renewed' }, uses('kit/on-renewed')];
    expect(await pins((await publishDraft({ dependencies })).id)).toEqual({ core: '1.1.0', dep: '1.0.0' });
  });

  it('refuses an audience wider than that of a dependency, naming what the caller may see', async () => {
    const admin = actAs(node.services, 'own', 'admin');
    const secret = await publishKit(own, { name: 'narrow' });
    const wide = { visibility: 'public' as const, dependencies: [uses('kit/narrow')] };
    const { id } = await createArtifact(admin, { type: 'kit', name: 'wide', version: '1.0.0', ...wide });
    const error = await refusal(publishArtifact(admin, { id }));
    expect(error).toMatchObject({ code: 'AUDIENCE_TOO_WIDE', details: { dependencies: [{ id: secret.id }], unnamedCount: 0 } });
    await updateArtifact(admin, { id: secret.id, visibility: 'community' });
    expect(await outcome(publishArtifact(admin, { id }))).toBe('ok');
  });
});
