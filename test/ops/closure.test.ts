import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import type { Closure } from '#core/closure.ts';
import type { Database } from '#metadata/database.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { exportClosureTar } from '#ops/export-closure-tar.ts';
import { getClosure } from '#ops/get-closure.ts';
import { listDependents } from '#ops/list-dependents.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { actAs, createTestNode, type Node, outcome, putText, refusal } from '#test/support/operations.ts';
import { watchStatements } from '#test/support/watch-statements.ts';

let node: Node;
let own: OpContext;
let other: OpContext;
let admin: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  other = actAs(node.services, 'other');
  admin = actAs(node.services, 'own', 'admin');
});
afterAll(() => node[Symbol.asyncDispose]());

const uses = (alias: string, ref: string) => ({ slot: 'uses', alias, ref });
const core = (alias: string, ref: string) => ({ slot: 'core', alias, ref });
const shape = ({ problems }: Closure) => problems.map(({ kind, alias, usable }) => [kind, alias, usable]);

/** A published kit with one blob. */
async function kit(
  context: OpContext,
  name: string,
  input: Partial<Parameters<typeof createArtifact>[1]> = {},
): Promise<Artifact> {
  const draft = await createArtifact(context, { type: 'kit', name, version: '1.0.0', ...input });
  await putText(context, draft.id, 'main', `bytes of ${name} ${draft.version}`);
  return publishArtifact(context, { id: draft.id });
}

describe('a pinned closure', () => {
  it('has each node once, dependencies first, with blobs, urls and one digest', async () => {
    const base = await kit(own, 'diamond-base');
    const left = await kit(own, 'diamond-left', { dependencies: [uses('base', 'kit/diamond-base@^1')] });
    const right = await kit(own, 'diamond-right', { dependencies: [uses('base', 'kit/diamond-base@^1')] });
    const top = await kit(own, 'diamond', {
      dependencies: [uses('r', 'kit/diamond-right'), uses('l', 'kit/diamond-left')],
    });
    const closure = await getClosure(own, { ref: 'kit/diamond', mode: 'pinned' });
    expect(closure.nodes.map(({ id }) => id)).toEqual([base.id, left.id, right.id, top.id]);
    expect(closure).toMatchObject({ root: top.id, complete: true, problems: [] });
    expect(closure.edges).toHaveLength(4);
    expect(closure.edges.filter(({ from }) => from === top.id).map(({ alias, to, version }) => [alias, to, version])).toEqual([
      ['r', right.id, '1.0.0'],
      ['l', left.id, '1.0.0'],
    ]);
    expect(closure.nodes[0]?.blobs).toMatchObject([
      { slot: 'main', path: 'main', url: `/api/v1/artifacts/${base.id}/slots/main`, text: null },
    ]);
    expect(closure.closureDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await getClosure(own, { ref: top.id, mode: 'pinned' })).toEqual(closure);
    const floating = await getClosure(own, { ref: top.id, mode: 'floating' });
    expect({ ...floating, mode: 'pinned' }).toEqual(closure);
  });

  it('stays what publish resolved, and says so digest for digest, when a newer version comes', async () => {
    await kit(own, 'moving');
    const top = await kit(own, 'stays', { dependencies: [uses('m', 'kit/moving@^1')] });
    const before = await getClosure(own, { ref: top.id, mode: 'pinned' });
    const newer = await kit(own, 'moving', { version: '1.1.0' });
    expect(await getClosure(own, { ref: top.id, mode: 'pinned' })).toEqual(before);
    const floating = await getClosure(own, { ref: top.id, mode: 'floating' });
    expect(floating.nodes.map(({ id }) => id)).toEqual([newer.id, top.id]);
    expect(floating.closureDigest).not.toBe(before.closureDigest);
  });

  it('uses a yanked pin with a warning, and no deactivated or deleted one', async () => {
    const dependency = await kit(own, 'fading');
    const top = await kit(own, 'on-fading', { dependencies: [uses('f', 'kit/fading')] });
    await yankArtifact(own, { id: dependency.id });
    const yanked = await getClosure(own, { ref: top.id, mode: 'pinned' });
    expect(shape(yanked)).toEqual([['YANKED', null, true]]);
    expect(yanked).toMatchObject({ complete: true, problems: [{ node: dependency.id }] });
    await deactivateArtifact(admin, { id: dependency.id });
    const deactivated = await getClosure(own, { ref: top.id, mode: 'pinned' });
    expect(shape(deactivated)).toEqual([
      ['DEACTIVATED', null, false],
      ['YANKED', null, true],
    ]);
    expect(deactivated).toMatchObject({ complete: false, closureDigest: null });
  });

  it('names a deleted dependency to who could see it, and keeps only the constraint', async () => {
    const dependency = await kit(other, 'gone', { visibility: 'public' }).catch(() => undefined);
    const shared = dependency ?? (await kit(other, 'gone', { visibility: 'community' }));
    const top = await kit(own, 'on-gone', { dependencies: [uses('g', `other/kit/gone@^1`)] });
    await deleteArtifact(other, { id: shared.id });
    const closure = await getClosure(own, { ref: top.id, mode: 'pinned' });
    expect(closure.nodes.map(({ id }) => id)).toEqual([top.id]);
    expect(closure.problems).toMatchObject([{ kind: 'NOT_FOUND', alias: 'g', usable: false }]);
    expect(closure.problems[0]?.message).toContain('deleted');
    expect(closure.edges).toMatchObject([{ ref: 'other/kit/gone@^1', to: null, version: null }]);
    expect(JSON.stringify(closure)).not.toContain(shared.id);
  });

  it('shows of what the caller may not see the constraint as written and nothing else', async () => {
    const dependency = await kit(own, 'secret', { visibility: 'community' });
    const top = await kit(own, 'on-secret', { visibility: 'community', dependencies: [uses('s', 'own/kit/secret@>=1')] });
    await updateArtifact(own, { id: dependency.id, visibility: 'private' });
    const closure = await getClosure(other, { ref: top.id, mode: 'pinned' });
    expect(closure.problems).toMatchObject([{ kind: 'NOT_FOUND', alias: 's', node: top.id }]);
    expect(JSON.stringify(closure)).not.toContain(dependency.id);
    expect(JSON.stringify(closure)).not.toContain(dependency.digest ?? '-');
    expect(closure.nodes).toHaveLength(1);
    const floating = await getClosure(other, { ref: top.id, mode: 'floating' });
    expect(floating.problems).toMatchObject([{ kind: 'NOT_FOUND', alias: 's' }]);
    expect((await getClosure(own, { ref: top.id, mode: 'pinned' })).complete).toBe(true);
  });

  it('goes no way that leads through what the caller may not see', async () => {
    const far = await kit(own, 'behind-secret', { visibility: 'community' });
    const hidden = await kit(own, 'between-secret', {
      visibility: 'community',
      dependencies: [uses('f', 'own/kit/behind-secret')],
    });
    const near = await kit(own, 'beside-secret', { visibility: 'community' });
    const dependencies = [uses('h', 'own/kit/between-secret'), uses('n', 'own/kit/beside-secret')];
    const top = await kit(own, 'before-secret', { visibility: 'community', dependencies });
    await updateArtifact(own, { id: hidden.id, visibility: 'private' });
    for (const ref of [top.id, 'own/kit/before-secret']) {
      const { db, names } = watchStatements(node.services.db);
      const closure = await getClosure(actAs({ ...node.services, db }, 'other'), { ref, mode: 'pinned' });
      expect(closure.nodes.map(({ id }) => id)).toEqual([near.id, top.id]);
      expect(closure.edges.map(({ alias, to }) => [alias, to])).toEqual([
        ['h', null],
        ['n', near.id],
      ]);
      expect(JSON.stringify(closure)).not.toContain(far.id);
      expect(names.length).toBeLessThanOrEqual(5);
    }
    const whole = await getClosure(own, { ref: top.id, mode: 'pinned' });
    expect(new Set(whole.nodes.map(({ id }) => id))).toEqual(new Set([far.id, near.id, hidden.id, top.id]));
  });

  it.each(['pinned', 'floating'] as const)('%s has SHA-512 and MD5 of a blob only where they are asked for', async (mode) => {
    const { id } = await kit(own, `digests-${mode}`);
    const bytes = `bytes of digests-${mode} 1.0.0`;
    const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
    const [plain] = (await getClosure(own, { ref: id, mode })).nodes[0]?.blobs ?? [];
    expect(plain?.sha256).toBe(hash('sha256'));
    expect(Object.keys(JSON.parse(JSON.stringify(plain)))).not.toContain('sha512');
    const [full] = (await getClosure(own, { ref: id, mode, allDigests: true })).nodes[0]?.blobs ?? [];
    expect(full).toMatchObject({ sha256: hash('sha256'), sha512: hash('sha512'), md5: hash('md5') });
  });

  it('says which bytes are in no store', async () => {
    const alone = await kit(own, 'bytes-lost');
    await node.services.db.query(
      {
        text: `UPDATE location SET state = 'condemned' WHERE blob_id IN (SELECT blob_id FROM artifact_blob WHERE artifact_id = $1)`,
      },
      [alone.id],
    );
    const closure = await getClosure(own, { ref: alone.id, mode: 'pinned' });
    expect(closure.problems).toMatchObject([{ kind: 'BLOB_UNAVAILABLE', node: alone.id, usable: false }]);
  });

  it('takes at most five statements, and refuses or cuts what is too large', async () => {
    await insertChain(node.services.db, 'chain', 300);
    const { db, names } = watchStatements(node.services.db);
    const closure = await getClosure(actAs({ ...node.services, db }, 'own'), { ref: 'kit/chain-299', mode: 'pinned' });
    expect(closure.nodes).toHaveLength(300);
    expect(closure.nodes.map(({ name }) => name)).toEqual(Array.from({ length: 300 }, (_, i) => `chain-${i}`));
    expect(names.length).toBeLessThanOrEqual(5);
    const cut = await getClosure(own, { ref: 'kit/chain-299', mode: 'pinned', maxNodes: 10 });
    expect(cut).toMatchObject({ complete: false, closureDigest: null });
    expect(cut.nodes).toHaveLength(10);
    expect(cut.nodes.some(({ id }) => id === cut.root)).toBe(true);
    expect(shape(cut)).toContainEqual(['LIMIT', null, false]);
    const small = { ...node.services, settings: { ...node.services.settings, maxClosureNodes: 100 } };
    expect(await outcome(getClosure(actAs(small, 'own'), { ref: 'kit/chain-299', mode: 'pinned' }))).toBe('CLOSURE_TOO_LARGE');
  });

  it('answers the same for what does not exist and for what may not be seen', async () => {
    const secret = await kit(own, 'unseen');
    const refusals = [secret.id, '00000000-0000-4000-8000-000000000000'].map((ref) =>
      refusal(getClosure(other, { ref, mode: 'pinned' })),
    );
    const [seen, random] = await Promise.all(refusals);
    expect(seen?.code).toBe('ARTIFACT_NOT_FOUND');
    expect(random?.code).toBe('ARTIFACT_NOT_FOUND');
    expect((await refusal(getClosure(own, { ref: 'kit/unseen@^7', mode: 'pinned' }))).code).toBe('VERSION_NO_MATCH');
    expect((await refusal(getClosure(own, { ref: 'kit/unseen', mode: 'pinned', maxNodes: 0 }))).code).toBe('INPUT_INVALID');
  });
});

describe('a floating closure', () => {
  it('takes at most five statements and two for each level', async () => {
    await insertChain(node.services.db, 'float', 40);
    const { db, names } = watchStatements(node.services.db);
    const closure = await getClosure(actAs({ ...node.services, db }, 'own'), { ref: 'kit/float-39', mode: 'floating' });
    expect(closure.nodes).toHaveLength(40);
    expect(names.length).toBeLessThanOrEqual(5 + 2 * 40);
  });

  it('reports a range without a match, with what there is instead', async () => {
    await kit(own, 'picky', { version: '1.0.0' });
    await kit(own, 'picky', { version: '1.4.0' });
    const top = await createArtifact(own, {
      type: 'kit',
      name: 'wants-2',
      dependencies: [uses('p', 'kit/picky@^2'), uses('q', 'kit/nowhere')],
    });
    const closure = await getClosure(own, { ref: top.id, mode: 'floating' });
    expect(closure.problems).toMatchObject([
      { kind: 'NO_MATCH', alias: 'p', candidates: ['1.4.0', '1.0.0'], usable: false },
      { kind: 'NOT_FOUND', alias: 'q', candidates: [] },
    ]);
    const pinned = await getClosure(own, { ref: top.id, mode: 'pinned' });
    expect(pinned.problems).toMatchObject([
      { kind: 'NOT_FOUND', alias: 'p' },
      { kind: 'NOT_FOUND', alias: 'q' },
    ]);
  });

  it('takes one version for a singleton where the ranges allow it, and reports a conflict where they do not', async () => {
    for (const version of ['1.0.0', '1.2.0', '1.9.0', '2.0.0']) await kit(own, 'single', { version });
    await kit(own, 'wants-old', { dependencies: [uses('c', 'kit/single@<1.3')] });
    const agreed = await createArtifact(own, {
      type: 'kit',
      name: 'agreed',
      dependencies: [core('c', 'kit/single@^1'), uses('o', 'kit/wants-old')],
    });
    const closure = await getClosure(own, { ref: agreed.id, mode: 'floating' });
    expect(closure.nodes.filter(({ name }) => name === 'single').map(({ version }) => version)).toEqual(['1.2.0']);
    expect(closure.complete).toBe(true);
    const torn = await createArtifact(own, {
      type: 'kit',
      name: 'torn',
      dependencies: [core('c', 'kit/single@^2'), uses('o', 'kit/wants-old')],
    });
    const conflict = await getClosure(own, { ref: torn.id, mode: 'floating' });
    expect(conflict.problems).toMatchObject([{ kind: 'CONFLICT', candidates: ['2.0.0', '1.2.0'], usable: false }]);
  });

  it('finds the version that lies in every range of a singleton, also when no range alone would give it', async () => {
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await kit(own, 'between', { version });
    await kit(own, 'not-3', { dependencies: [uses('c', 'kit/between@1.x || 2.x')] });
    const top = await createArtifact(own, {
      type: 'kit',
      name: 'not-2',
      dependencies: [core('c', 'kit/between@1.x || 3.x'), uses('o', 'kit/not-3')],
    });
    const closure = await getClosure(own, { ref: top.id, mode: 'floating' });
    expect(closure.nodes.filter(({ name }) => name === 'between').map(({ version }) => version)).toEqual(['1.0.0']);
  });

  it('reports ranges that lead back, with the way', async () => {
    const first = await kit(own, 'round', { version: '1.0.0' });
    const back = await kit(own, 'back', { dependencies: [uses('r', 'kit/round')] });
    const second = await kit(own, 'round', { version: '1.1.0', dependencies: [uses('b', 'kit/back')] });
    const closure = await getClosure(own, { ref: 'kit/round@1.1.0', mode: 'floating' });
    const [problem] = closure.problems;
    expect(problem?.kind).toBe('CYCLE');
    expect(problem?.path[0]).toBe(problem?.path.at(-1));
    expect(new Set(problem?.path)).toEqual(new Set([back.id, second.id]));
    const pinned = await getClosure(own, { ref: 'kit/round@1.1.0', mode: 'pinned' });
    expect(pinned.nodes.map(({ id }) => id)).toEqual([first.id, back.id, second.id]);
    expect(pinned.complete).toBe(true);
  });
});

describe('dependents', () => {
  it('are the visible artifacts pinned to one, newest first, paged, and the way up on request', async () => {
    const base = await kit(own, 'popular', { visibility: 'community' });
    const users: Artifact[] = [];
    for (let i = 0; i < 5; i += 1)
      users.push(await kit(own, `user-${i}`, { dependencies: [uses('p', 'kit/popular'), uses('again', 'kit/popular@^1')] }));
    await kit(other, 'stranger-user', { dependencies: [uses('p', 'own/kit/popular')] });
    const above = await kit(own, 'above', { dependencies: [uses('u', 'kit/user-0')] });
    const ids = users.map(({ id }) => id).toReversed();
    const first = await listDependents(own, { id: base.id, page: { first: 3 } });
    expect(first.edges.map(({ node: found }) => found.id)).toEqual(ids.slice(0, 3));
    expect(first).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    expect(await first.countAll()).toBe(5);
    const after = first.edges.at(-1)?.cursor;
    const rest = await listDependents(own, { id: base.id, page: { first: 3, after } });
    expect(rest.edges.map(({ node: found }) => found.id)).toEqual(ids.slice(3));
    expect(rest).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const back = await listDependents(own, { id: base.id, page: { last: 2, before: after } });
    expect(back.edges.map(({ node: found }) => found.id)).toEqual(ids.slice(0, 2));
    const all = await listDependents(own, { id: base.id, transitive: true, page: { first: 50 } });
    expect(all.edges.map(({ node: found }) => found.id)).toEqual([above.id, ...ids]);
    expect(await all.countAll()).toBe(6);
    expect(await outcome(listDependents(own, { id: above.id, page: { first: 3, after } }))).toBe('CURSOR_INVALID');
    expect(await outcome(listDependents(other, { id: above.id, page: { first: 3 } }))).toBe('ARTIFACT_NOT_FOUND');
  });
});

describe('a closure as tar', () => {
  it('is the same bytes each time, of the size and in the order announced, with closure.json first', async () => {
    await kit(own, 'packed-base', { properties: { title: 'b' } });
    const draft = await createArtifact(own, {
      type: 'kit',
      name: 'päck/ed',
      version: '1.0.0',
      dependencies: [uses('b', 'kit/packed-base')],
    });
    await putText(own, draft.id, 'main', 'main bytes');
    await putText(own, draft.id, 'docs', '', `${'long/'.repeat(40)}empty.txt`);
    await putText(own, draft.id, 'docs', 'x'.repeat(5000), 'ascii/plain.txt');
    const top = await publishArtifact(own, { id: draft.id });
    const tar = await exportClosureTar(own, { ref: top.id, mode: 'pinned' });
    const bytes = await readAll(tar.open());
    expect(bytes.length).toBe(tar.sizeBytes);
    const again = await exportClosureTar(own, { ref: 'kit/p%C3%A4ck%2Fed', mode: 'pinned' });
    expect(again.etag).toBe(tar.etag);
    expect(
      createHash('sha256')
        .update(await readAll(again.open()))
        .digest('hex'),
    ).toBe(createHash('sha256').update(bytes).digest('hex'));
    const entries = await unpack(bytes);
    expect([...entries.keys()]).toEqual([
      'closure.json',
      'own/kit/packed-base/1.0.0/main',
      'own/kit/päck%2Fed/1.0.0/ascii/plain.txt',
      `own/kit/päck%2Fed/1.0.0/${'long/'.repeat(40)}empty.txt`,
      'own/kit/päck%2Fed/1.0.0/main',
    ]);
    expect(entries.get('own/kit/päck%2Fed/1.0.0/main')).toBe('main bytes');
    expect(JSON.parse(entries.get('closure.json') ?? '')).toEqual(await getClosure(own, { ref: top.id, mode: 'pinned' }));
  });

  it('refuses an incomplete closure, and gives what is there when asked to', async () => {
    const top = await createArtifact(own, { type: 'kit', name: 'half', dependencies: [uses('n', 'kit/nothing-there')] });
    const refused = await refusal(exportClosureTar(own, { ref: top.id, mode: 'floating' }));
    expect(refused.code).toBe('CLOSURE_INCOMPLETE');
    expect(refused.details).toMatchObject({ problems: [{ kind: 'NOT_FOUND', alias: 'n' }] });
    const tar = await exportClosureTar(own, { ref: top.id, mode: 'floating', partial: true });
    expect([...(await unpack(await readAll(tar.open()))).keys()]).toEqual(['closure.json']);
  });

  it('frees everything when its reader goes away', async () => {
    await kit(own, 'abandoned');
    const tar = await exportClosureTar(own, { ref: 'kit/abandoned', mode: 'pinned' });
    const stream = tar.open();
    for await (const _chunk of stream) break;
    expect(stream.destroyed).toBe(true);
  });
});

/** `prefix-0` … each pinned to the one before it, written straight into the tables. */
async function insertChain(db: Database, prefix: string, length: number): Promise<void> {
  const run = (text: string) => db.query({ text }, [prefix, length]);
  await run(
    `INSERT INTO family (id, project, type, name) SELECT md5('f' || $1 || i)::uuid, 'own', 'kit', $1 || '-' || i FROM generate_series(0, $2::int - 1) i`,
  );
  await run(`INSERT INTO artifact (id, project, type, type_version, family_id, name, version, version_key, version_core, version_is_release, state, visibility, created_by, digest_algorithm, digest_value)
    SELECT md5('a' || $1 || i)::uuid, 'own', 'kit', '1', md5('f' || $1 || i)::uuid, $1 || '-' || i, '1.0.0', '111010~', '1.0.0', true, 'active', 'private', 'test', 'sha256', md5($1 || i) FROM generate_series(0, $2::int - 1) i`);
  await run(`INSERT INTO dependency (artifact_id, position, slot, alias, target_type, target_name, range, resolved_id, resolved_project, resolved_type, resolved_name, resolved_version)
    SELECT md5('a' || $1 || i)::uuid, 0, 'uses', 'next', 'kit', $1 || '-' || (i - 1), '^1', md5('a' || $1 || (i - 1))::uuid, 'own', 'kit', $1 || '-' || (i - 1), '1.0.0' FROM generate_series(1, $2::int - 1) i`);
}

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  return Buffer.concat((await Array.fromAsync(stream)).filter((chunk) => chunk instanceof Uint8Array));
}

async function unpack(bytes: Buffer): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const archive = extract();
  archive.end(bytes);
  for await (const entry of archive) {
    expect(entry.header.mtime?.getTime()).toBe(0);
    entries.set(entry.header.name, (await readAll(entry)).toString());
  }
  return entries;
}
