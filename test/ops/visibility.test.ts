/** Who sees and who may do what: visibility × whose × membership × state × operation, as one table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Visibility } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { getArtifacts } from '#ops/get-artifacts.ts';
import { getFamily } from '#ops/get-family.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { listMembers } from '#ops/list-members.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { removeMember } from '#ops/remove-member.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateFamily } from '#ops/update-family.ts';
import { updateMember } from '#ops/update-member.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { actAs, createTestNode, type Node, outcome, refusal } from '#test/support/operations.ts';

let node: Node;
let names = 0;

beforeAll(async () => {
  node = await createTestNode();
});
afterAll(() => node[Symbol.asyncDispose]());

const states = ['draft', 'active', 'deactivated', 'deleted'] as const;
type State = (typeof states)[number];

const viewers = [
  'own',
  'ownReader',
  'pending',
  'accepted',
  'rejected',
  'stranger',
  'strangerReader',
  'admin',
  'service',
] as const;
type Viewer = (typeof viewers)[number];

const specialViewers: Partial<Record<Viewer, () => OpContext>> = {
  ownReader: () => actAs(node.services, 'own', 'reader'),
  strangerReader: () => actAs(node.services, 'stranger', 'reader'),
  admin: () => actAs(node.services, 'ops', 'admin'),
  service: () => actAs(node.services, 'own', 'service'),
};

/** Most viewers are plain members of the project of that name. */
function contextOf(viewer: Viewer): OpContext {
  return specialViewers[viewer]?.() ?? actAs(node.services, viewer);
}

interface Subject {
  readonly id: string;
  readonly familyId: string;
  readonly name: string;
}

async function make(visibility: Visibility, state: State): Promise<Subject> {
  const admin = contextOf('admin');
  names += 1;
  const name = `seen-${names}`;
  const shared = { type: 'kit', project: 'own', name, version: '1.0.0', visibility: 'shared' } as const;
  const { id, familyId } = await createArtifact(admin, shared);
  for (const project of ['pending', 'accepted', 'rejected'] as const) {
    await addMember(admin, { artifactId: id, project });
    if (project !== 'pending') await updateMember(admin, { artifactId: id, project, status: project });
  }
  if (visibility !== 'shared') await updateArtifact(admin, { id, visibility });
  if (state !== 'draft') await publishArtifact(admin, { id });
  if (state === 'deactivated') await deactivateArtifact(admin, { id });
  if (state === 'deleted') await deleteArtifact(admin, { id });
  return { id, familyId: familyId ?? '', name };
}

/** Of the project itself, or an administrator. */
function isInsider(viewer: Viewer): boolean {
  return ['own', 'ownReader', 'service', 'admin'].includes(viewer);
}

/** The rule in words: DESIGN's readable predicate, written a second time. */
function canRead(viewer: Viewer, visibility: Visibility, state: State): boolean {
  if (state === 'deleted') return false;
  if (isInsider(viewer)) return true;
  if (state === 'draft') return false;
  if (visibility === 'public' || visibility === 'community') return true;
  return visibility === 'shared' && ['pending', 'accepted', 'rejected'].includes(viewer);
}

const changes: Readonly<Record<string, (context: OpContext, subject: Subject) => Promise<unknown>>> = {
  update: (context, { id }) => updateArtifact(context, { id, addTags: ['t'] }),
  protect: (context, { id }) => updateArtifact(context, { id, protected: true }),
  publish: (context, { id }) => publishArtifact(context, { id }),
  yank: (context, { id }) => yankArtifact(context, { id }),
  unyank: (context, { id }) => unyankArtifact(context, { id }),
  deprecate: (context, { id }) => deprecateArtifact(context, { id, message: 'old' }),
  deactivate: (context, { id }) => deactivateArtifact(context, { id }),
  reactivate: (context, { id }) => reactivateArtifact(context, { id }),
  delete: (context, { id }) => deleteArtifact(context, { id }),
  share: (context, { id }) => addMember(context, { artifactId: id, project: 'new' }),
};

describe.each<Visibility>(['private', 'shared', 'community', 'public'])('an artifact that is %s', (visibility) => {
  describe.each(states)('in state %s', (state) => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await make(visibility, state);
    });

    it.each(viewers)('is read by %s as the rule says', async (viewer) => {
      const context = contextOf(viewer);
      const seen = canRead(viewer, visibility, state);
      const [id, artifactIds] = [subject.id, [subject.id]];
      const expected = seen ? 'ok' : 'ARTIFACT_NOT_FOUND';
      expect(await outcome(getArtifact(context, { id }))).toBe(expected);
      expect(await outcome(resolveReference(context, { ref: id }))).toBe(expected);
      expect(await outcome(listMembers(context, { artifactId: id }))).toBe(expected);
      expect((await getArtifacts(context, { ids: [id] }))[0]?.id).toBe(seen ? id : undefined);
      expect((await listDependencies(context, { artifactIds })).get(id)).toEqual([]);
      const isFamilySeen = seen || isInsider(viewer);
      expect(await outcome(getFamily(context, { id: subject.familyId }))).toBe(isFamilySeen ? 'ok' : 'FAMILY_NOT_FOUND');
    });

    it.each(viewers)('is found by its name by %s only where it is listed, or named with its project', async (viewer) => {
      const isListed = isInsider(viewer) || visibility === 'public' || (visibility === 'shared' && viewer === 'accepted');
      const isLive = state === 'active' || state === 'deactivated';
      // A family one may see has no match; one that one may not see is not there.
      const otherwise = isInsider(viewer) || canRead(viewer, visibility, state) ? 'VERSION_NO_MATCH' : 'ARTIFACT_NOT_FOUND';
      const expected = (named: boolean) => (isLive && (isListed || (named && visibility === 'community')) ? 'ok' : otherwise);
      const found = (ref: string) => outcome(resolveReference(contextOf(viewer), { ref }));
      expect(await found(`own/kit/${subject.name}@1.0.0`)).toBe(expected(true));
      // Without a project the name means another family to another project.
      const isOwnName = contextOf(viewer).caller.project === 'own';
      expect(await found(`kit/${subject.name}@1.0.0`)).toBe(isOwnName ? expected(false) : 'ARTIFACT_NOT_FOUND');
    });
  });

  it.each(Object.keys(changes))('is not changed by others: %s', async (change) => {
    for (const state of states) {
      const subject = await make(visibility, state);
      for (const viewer of viewers) {
        if (viewer === 'own' || viewer === 'admin') continue;
        const result = await outcome(changes[change]?.(contextOf(viewer), subject) ?? Promise.resolve());
        expect(`${state} ${viewer}: ${result}`).toBe(
          `${state} ${viewer}: ${canRead(viewer, visibility, state) ? 'FORBIDDEN' : 'ARTIFACT_NOT_FOUND'}`,
        );
      }
      const [row] = await node.services.db.query<{ state: string }>(
        { text: 'SELECT state FROM artifact WHERE id = $1 AND tags = $2 AND NOT protected AND yanked_at IS NULL' },
        [subject.id, []],
      );
      expect(row?.state).toBe(state);
    }
  });
});

describe('an artifact that the caller may not see', () => {
  it('is answered in the same words as one that does not exist, by every operation', async () => {
    const { id, familyId } = await make('private', 'active');
    const unknown = '00000000-0000-4000-8000-000000000000';
    const stranger = contextOf('stranger');
    const said = async (attempt: (id: string) => Promise<unknown>, real: string) => {
      const [hidden, missing] = [await refusal(attempt(real)), await refusal(attempt(unknown))];
      const body = (error: typeof hidden, of: string) =>
        JSON.stringify([error.code, error.message, error.faults, error.details, error.remedy]).replaceAll(of, 'ID');
      expect(body(hidden, real)).toBe(body(missing, unknown));
    };
    const operations: readonly ((id: string) => Promise<unknown>)[] = [
      (target) => getArtifact(stranger, { id: target }),
      (target) => resolveReference(stranger, { ref: target }),
      (target) => listMembers(stranger, { artifactId: target }),
      (target) => updateMember(stranger, { artifactId: target, project: 'stranger', status: 'accepted' }),
      (target) => removeMember(stranger, { artifactId: target, project: 'stranger' }),
      ...Object.values(changes).map((change) => (target: string) => change(stranger, { id: target, familyId, name: '' })),
    ];
    for (const operation of operations) await said(operation, id);
    await said((target) => getFamily(stranger, { id: target }), familyId);
    await said((target) => updateFamily(stranger, { id: target, description: 'x' }), familyId);
  });

  it.each([
    ['empty', ''],
    ['short', 'x'],
    ['a path', '../..'],
    ['an escape', '%00'],
    ['a NUL', '\u0000'],
    ['very long', 'a'.repeat(100_000)],
    ['half a surrogate', '\ud800'],
    ['SQL', "' OR 1=1 --"],
    ['JSON', '{}'],
  ])('is what no id is: %s', async (_what, id) => {
    expect(await outcome(getArtifact(contextOf('own'), { id }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(deleteArtifact(contextOf('own'), { id }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(getFamily(contextOf('own'), { id }))).toBe('FAMILY_NOT_FOUND');
    expect(await outcome(getFamily(contextOf('own'), { type: id, name: id, project: id }))).toBe('FAMILY_NOT_FOUND');
    expect(await getArtifacts(contextOf('own'), { ids: [id] })).toEqual([null]);
  });
});
