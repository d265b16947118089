/** Every action in every state: allowed or refused, and the state after it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact, ArtifactState } from '#core/artifact.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { purgeArtifacts } from '#ops/purge-artifacts.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, putText, refusal } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let names = 0;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

type Start = 'draft' | 'active' | 'deactivated' | 'deleted';

async function artifactIn(start: Start): Promise<Artifact> {
  names += 1;
  const draft = await createArtifact(own, { type: 'kit', name: `kit-${names}`, version: '1.0.0' });
  if (start === 'draft') return draft;
  await publishArtifact(own, { id: draft.id });
  if (start === 'deactivated') return deactivateArtifact(own, { id: draft.id });
  if (start === 'deleted') return deleteArtifact(own, { id: draft.id });
  return draft;
}

const actions: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
  publish: (id) => publishArtifact(own, { id }),
  deactivate: (id) => deactivateArtifact(own, { id }),
  reactivate: (id) => reactivateArtifact(own, { id }),
  delete: (id) => deleteArtifact(own, { id }),
  yank: (id) => yankArtifact(own, { id }),
  unyank: (id) => unyankArtifact(own, { id }),
  deprecate: (id) => deprecateArtifact(own, { id, message: 'old' }),
  'update title': (id) => updateArtifact(own, { id, properties: { title: 'new' } }),
  'update note': (id) => updateArtifact(own, { id, properties: { note: 'new' } }),
  'update tags': (id) => updateArtifact(own, { id, addTags: ['t'] }),
  'update version': (id) => updateArtifact(own, { id, version: '2.0.0' }),
  'update dependencies': (id) => updateArtifact(own, { id, dependencies: [] }),
  upload: (id) => putText(own, id, 'main', 'x'),
};

/** What each action ends with, and in which state the artifact is then. */
const table: Readonly<Record<string, Readonly<Record<Start, readonly [string, ArtifactState]>>>> = {
  publish: row(['ok', 'active'], 'STATE_CONFLICT', 'STATE_CONFLICT'),
  deactivate: row('STATE_CONFLICT', ['ok', 'deactivated'], ['ok', 'deactivated']),
  reactivate: row('STATE_CONFLICT', ['ok', 'active'], ['ok', 'active']),
  delete: row(['ok', 'deleted'], ['ok', 'deleted'], ['ok', 'deleted']),
  yank: row('STATE_CONFLICT', 'ok', 'ok'),
  unyank: row('STATE_CONFLICT', 'ok', 'ok'),
  deprecate: row('STATE_CONFLICT', 'ok', 'ok'),
  'update title': row('ok', 'PROPERTY_IMMUTABLE', 'PROPERTY_IMMUTABLE'),
  'update note': row('ok', 'ok', 'ok'),
  'update tags': row('ok', 'ok', 'ok'),
  'update version': row('ok', 'STATE_CONFLICT', 'STATE_CONFLICT'),
  'update dependencies': row('ok', 'STATE_CONFLICT', 'STATE_CONFLICT'),
  upload: row('ok', 'STATE_CONFLICT', 'STATE_CONFLICT'),
};

type Cell = string | readonly [string, ArtifactState];

function row(draft: Cell, active: Cell, deactivated: Cell): Record<Start, readonly [string, ArtifactState]> {
  const cell = (given: Cell, state: ArtifactState) => (typeof given === 'string' ? ([given, state] as const) : given);
  return {
    draft: cell(draft, 'draft'),
    active: cell(active, 'active'),
    deactivated: cell(deactivated, 'deactivated'),
    // Nobody can act on a tombstone: it is not there.
    deleted: ['ARTIFACT_NOT_FOUND', 'deleted'],
  };
}

async function stateOf(id: string): Promise<string | undefined> {
  const rows = await node.services.db.query<{ state: string }>({ text: 'SELECT state FROM artifact WHERE id = $1' }, [id]);
  return rows[0]?.state;
}

describe.each(Object.keys(actions))('%s', (action) => {
  it.each<Start>(['draft', 'active', 'deactivated', 'deleted'])('in state %s does what the table says', async (start) => {
    const { id } = await artifactIn(start);
    const result = await outcome(actions[action]?.(id) ?? Promise.reject(new Error(action)));
    expect([result, await stateOf(id)]).toEqual(table[action]?.[start]);
  });

  it('is refused on another revision than the expected, with the current one', async () => {
    const { id, revision } = await artifactIn(action === 'publish' ? 'draft' : 'active');
    const withRevision: Readonly<Record<string, (expectedRevision: number) => Promise<unknown>>> = {
      publish: (expectedRevision) => publishArtifact(own, { id, expectedRevision }),
      deactivate: (expectedRevision) => deactivateArtifact(own, { id, expectedRevision }),
      reactivate: (expectedRevision) => reactivateArtifact(own, { id, expectedRevision }),
      delete: (expectedRevision) => deleteArtifact(own, { id, expectedRevision }),
      yank: (expectedRevision) => yankArtifact(own, { id, expectedRevision }),
      unyank: (expectedRevision) => unyankArtifact(own, { id, expectedRevision }),
      deprecate: (expectedRevision) => deprecateArtifact(own, { id, message: 'old', expectedRevision }),
    };
    const attempt = withRevision[action] ?? ((expectedRevision) => updateArtifact(own, { id, expectedRevision, tags: ['x'] }));
    const error = await refusal(attempt(99));
    expect(error).toMatchObject({ code: 'REVISION_CONFLICT', details: { currentRevision: action === 'publish' ? revision : 2 } });
  });
});

describe('deleting', () => {
  it('is refused while protected', async () => {
    const { id } = await artifactIn('active');
    await updateArtifact(own, { id, protected: true });
    expect(await outcome(deleteArtifact(own, { id }))).toBe('ARTIFACT_PROTECTED');
    await updateArtifact(own, { id, protected: false });
    expect(await outcome(deleteArtifact(own, { id }))).toBe('ok');
  });

  it('is refused while an active artifact of the project needs it; others do not count', async () => {
    const base = await publishKit(own, { name: 'needed', visibility: 'community' });
    const dependencies = [{ slot: 'uses', alias: 'base', ref: 'own/kit/needed' }];
    await publishKit(actAs(node.services, 'other'), { name: 'foreign-dependent', dependencies });
    const off = await publishKit(own, { name: 'off-dependent', dependencies });
    await deactivateArtifact(own, { id: off.id });
    await createArtifact(own, { type: 'kit', name: 'draft-dependent', version: '1.0.0', dependencies });
    const dependent = await publishKit(own, { name: 'dependent', dependencies });
    const error = await refusal(deleteArtifact(own, { id: base.id }));
    expect(error).toMatchObject({ code: 'ARTIFACT_REQUIRED' });
    expect(error.details).toEqual({ dependents: [{ id: dependent.id, type: 'kit', name: 'dependent', version: '1.0.0' }] });
    await deleteArtifact(own, { id: dependent.id });
    expect(await outcome(deleteArtifact(own, { id: base.id }))).toBe('ok');
  });

  it('leaves a tombstone with family, version and digest, and no reference to bytes', async () => {
    const draft = await createArtifact(own, { type: 'kit', name: 'tomb', version: '1.0.0' });
    await putText(own, draft.id, 'main', 'bytes');
    const published = await publishArtifact(own, { id: draft.id });
    const deleted = await deleteArtifact(own, { id: draft.id, reason: 'not wanted' });
    expect(deleted).toMatchObject({ state: 'deleted', slots: [{ path: 'main' }] });
    const { db } = node.services;
    const [tomb] = await db.query(
      {
        text: `SELECT a.family_id, a.version, a.digest_value, a.state_before_delete, n.valid_to IS NOT NULL AS ended,
          (SELECT count(*)::integer FROM artifact_blob b WHERE b.artifact_id = a.id) AS blobs,
          (SELECT count(*)::integer FROM placement p WHERE p.artifact_id = a.id) AS placements,
          (SELECT detail FROM audit WHERE subject_id = a.id AND action = 'artifact:delete') AS detail
          FROM artifact a JOIN artifact_name n ON n.artifact_id = a.id WHERE a.id = $1`,
      },
      [draft.id],
    );
    expect(tomb).toEqual({
      ...{ family_id: published.familyId, version: '1.0.0', digest_value: published.digest?.slice(7), ended: true },
      ...{ blobs: 0, placements: 0, state_before_delete: 'active', detail: { reason: 'not wanted' } },
    });
  });
});

describe('dated rows', () => {
  it('follow each other also when the later change began first', async () => {
    const { id } = await publishKit(own, { name: 'dated' });
    const { db } = node.services;
    const slow: typeof db = {
      ...db,
      // The transaction has begun, and its time stands still, when another yanks.
      transaction: (work, options) =>
        db.transaction(async (tx) => {
          await tx.query({ text: 'SELECT now()' });
          await yankArtifact(own, { id });
          return work(tx);
        }, options),
    };
    await unyankArtifact(actAs(node.with({ db: slow }), 'own'), { id });
    const rows = await db.query({ text: 'SELECT unyanked_at > yanked_at AS ordered FROM artifact_yank WHERE artifact_id = $1' }, [
      id,
    ]);
    expect(rows).toEqual([{ ordered: true }]);
  });

  it('remember what a deletion that waited came from', async () => {
    const { id } = await publishKit(own, { name: 'waited' });
    const { db } = node.services;
    const wait = {
      text: `UPDATE artifact SET state = 'pending_delete', state_before_delete = 'deactivated', expires_at = now() WHERE id = $1`,
    };
    await db.query(wait, [id]);
    expect(await outcome(deleteArtifact(own, { id }))).toBe('ARTIFACT_DELETED');
    expect(await purgeArtifacts(node.services, {}, quietRun())).toEqual({ purged: 1 });
    const [row] = await db.query({ text: 'SELECT state, state_before_delete FROM artifact WHERE id = $1' }, [id]);
    expect(row).toEqual({ state: 'deleted', state_before_delete: 'deactivated' });
  });
});

describe('yanking', () => {
  it('hides a version from ranges, not from its exact version, digest or id, and is dated', async () => {
    await publishKit(own, { name: 'yank', version: '1.0.0' });
    const high = await publishKit(own, { name: 'yank', version: '1.1.0' });
    const resolved = async (ref: string) => (await resolveReference(own, { ref })).artifact.version;
    expect(await resolved('kit/yank')).toBe('1.1.0');
    const yanked = await yankArtifact(own, { id: high.id, reason: 'broken' });
    expect(yanked).toMatchObject({ yankReason: 'broken', state: 'active', revision: high.revision + 1 });
    expect(await yankArtifact(own, { id: high.id, reason: 'again' })).toEqual(yanked);
    expect(await resolved('kit/yank')).toBe('1.0.0');
    const exact = await resolveReference(own, { ref: 'kit/yank@1.1.0' });
    expect(exact).toEqual({ artifact: yanked, warnings: ['This version was yanked: broken.'] });
    expect(await resolved(`kit/yank@${high.digest}`)).toBe('1.1.0');
    expect(await resolved(high.id)).toBe('1.1.0');
    await unyankArtifact(own, { id: high.id });
    await unyankArtifact(own, { id: high.id });
    expect(await resolved('kit/yank')).toBe('1.1.0');
    await yankArtifact(own, { id: high.id });
    const rows = await node.services.db.query(
      {
        text: `SELECT reason, yanked_by, unyanked_at IS NULL AS open FROM artifact_yank WHERE artifact_id = $1 ORDER BY yanked_at`,
      },
      [high.id],
    );
    expect(rows).toEqual([
      { reason: 'broken', yanked_by: 'user-of-own', open: false },
      { reason: null, yanked_by: 'user-of-own', open: true },
    ]);
  });
});

describe('deprecating', () => {
  it('keeps a message, warns of it, and can be taken back', async () => {
    const { id } = await publishKit(own, { name: 'deprecated' });
    const first = await deprecateArtifact(own, { id, message: 'use the other' });
    expect(first.deprecatedAt).not.toBeNull();
    const changed = await deprecateArtifact(own, { id, message: 'use another' });
    expect(changed).toMatchObject({ deprecatedAt: first.deprecatedAt, deprecationMessage: 'use another' });
    expect((await resolveReference(own, { ref: 'kit/deprecated' })).warnings).toEqual([
      'This artifact is deprecated: use another.',
    ]);
    expect(await deprecateArtifact(own, { id, message: null })).toMatchObject({ deprecatedAt: null, deprecationMessage: null });
    expect((await resolveReference(own, { ref: 'kit/deprecated' })).warnings).toEqual([]);
  });

  it('refuses a text that cannot be kept', async () => {
    const { id } = await publishKit(own, { name: 'bad-words' });
    expect(await outcome(deprecateArtifact(own, { id, message: 'a\u0000' }))).toBe('INPUT_INVALID');
    expect(await outcome(yankArtifact(own, { id, reason: 'x'.repeat(1001) }))).toBe('INPUT_INVALID');
    expect(await outcome(deleteArtifact(own, { id, reason: '\ud800' }))).toBe('INPUT_INVALID');
  });
});
