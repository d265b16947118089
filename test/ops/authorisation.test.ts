/** Every operation × role × whose it is × visibility × state, tried for real and held against the rules written a second time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimInstance } from '#ops/claim-instance.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { type Action, actions, createCaller, loadPolicy, type Role } from '#policy/policy.ts';
import { makeSubjects, maySee, type Relation, relationsOf, type Subject } from '#test/support/authorisation-subjects.ts';
import {
  isRefused,
  type ProjectTry,
  type RoleLetter,
  renderMatrix,
  roleLetters,
  type Sighting,
  type Try,
} from '#test/support/authorisation-table.ts';
import { type AuthorisedOperation, artifactOperations, projectOperations } from '#test/support/authorised-operations.ts';
import { actAsCaller, createTestNode, type Node, outcome, testSettings } from '#test/support/operations.ts';
import { rehearse } from '#test/support/rehearse.ts';
import { whoMay } from '#test/support/who-may.ts';
import { createPolicyFolder } from '../policy/policy-folder.ts';

let node: Node;
let subjects: readonly Subject[];

beforeAll(async () => {
  node = await createTestNode({ storage: { ...testSettings.storage, deleteDelayMs: 3_600_000 } });
  const { db, settings } = node.services;
  const key = () => Promise.resolve(settings.instanceKey);
  await claimInstance(db, { place: 'test', find: key, findOrMake: key });
  subjects = await makeSubjects(node);
});
afterAll(() => node[Symbol.asyncDispose]());

const roleOf: Readonly<Record<RoleLetter, Role>> = { r: 'reader', m: 'member', s: 'service', a: 'admin' };

function callerOf(project: string, role: RoleLetter | '-') {
  return createCaller(`${role}-of-${project}`, project, role === '-' ? [] : [roleOf[role]]);
}

const tries: Try[] = [];
const projectTries: ProjectTry[] = [];

/** Whether the rules, as they are written in who-may.ts, allow it. */
function may(operation: AuthorisedOperation, relation: Relation, role: RoleLetter | '-'): boolean {
  const isShare = operation.share?.(relation) === relation;
  return operation.actions.every((action) => {
    const rule = whoMay[action];
    return `${relation === 'own' ? rule.own : rule.foreign}${isShare ? rule.sharedWith : ''}`.includes(role);
  });
}

function expected(name: string, operation: AuthorisedOperation, subject: Subject, relation: Relation, role: RoleLetter | '-') {
  const isFamily = name.endsWith('its family');
  const isSeen = maySee(relation, role === 'a', subject);
  if (!isSeen) return isFamily ? 'FAMILY_NOT_FOUND' : 'ARTIFACT_NOT_FOUND';
  return may(operation, relation, role) ? 'allowed' : 'FORBIDDEN';
}

describe('of an artifact', () => {
  it.each(Object.entries(artifactOperations))('%s', async (name, operation) => {
    const wrong: string[] = [];
    for (const subject of subjects) {
      if (operation.visibilities?.includes(subject.visibility) === false) continue;
      for (const relation of relationsOf(subject.visibility)) {
        for (const role of ['-', ...roleLetters] as const) {
          const caller = callerOf(relation, role);
          const found = await outcome(
            rehearse(node.services, (services) => operation.run(actAsCaller(services, caller), subject)),
          );
          const { visibility, state } = subject;
          tries.push({ operation: name, role, relation, visibility, state, outcome: found });
          const wanted = expected(name, operation, subject, relation, role);
          if ((isRefused(found) ? found : 'allowed') !== wanted)
            wrong.push(`${role} ${relation} ${visibility} ${state}: ${found}, not ${wanted}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('of a project', () => {
  it.each(Object.entries(projectOperations))('%s', async (name, operation) => {
    const wrong: string[] = [];
    for (const whose of operation.isOwnOnly === true ? (['own'] as const) : (['own', 'foreign'] as const)) {
      for (const role of ['-', ...roleLetters] as const) {
        const context = callerOf('mine', role);
        const found = await outcome(
          rehearse(node.services, (services) =>
            operation.run(actAsCaller(services, context), whose === 'own' ? 'mine' : 'another'),
          ),
        );
        projectTries.push({ operation: name, role, whose, outcome: found });
        const isAllowed = operation.actions.every((action) => whoMay[action][whose].includes(role));
        if (isRefused(found) === isAllowed) wrong.push(`${role} ${whose}: ${found}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('what is seen', () => {
  const everybody = ['pending', 'accepted', 'rejected'] as const;
  const rows: [string, Subject['visibility'], Relation][] = [
    ['private, own project', 'private', 'own'],
    ['private, another project', 'private', 'stranger'],
    ...everybody.map((answer): [string, Subject['visibility'], Relation] => [`shared, ${answer}`, 'shared', answer]),
    ['shared with others', 'shared', 'stranger'],
    ['community', 'community', 'stranger'],
    ['public', 'public', 'stranger'],
  ];
  const sightings: Sighting[] = [];

  it.each(rows)('%s', async (how, visibility, relation) => {
    const context = actAsCaller(node.services, callerOf(relation, 'r'));
    const subject = subjects.find((one) => one.visibility === visibility && one.state === 'active');
    const { id = '', name } = subject?.versioned ?? {};
    const list = async (value?: string) => {
      const filter = value === undefined ? null : ({ kind: 'field', field: 'visibility', operator: 'eq', value } as const);
      const orderBy = { key: 'createdAt', direction: 'desc' } as const;
      const page = await listArtifacts(context, { type: 'kit', filter, orderBy, page: { first: 100 } });
      return page.edges.some(({ node: listed }) => listed.id === id);
    };
    const isRead = (await outcome(getArtifact(context, { id }))) === 'ok';
    const isNamed = (await outcome(resolveReference(context, { ref: `own/kit/${name}@^1` }))) === 'ok';
    const seen = { isRead, isListed: await list(), isOfCommunity: await list('community'), isNamed };
    const isListed = relation === 'own' || relation === 'accepted' || visibility === 'public';
    const isOfCommunity = visibility === 'community';
    const isVisible = subject !== undefined && maySee(relation, false, subject);
    expect(seen).toEqual({ isRead: isVisible, isListed, isOfCommunity, isNamed: isListed || isOfCommunity });
    sightings.push({ how, cells: [isRead, seen.isListed, seen.isOfCommunity, isNamed].map((is) => (is ? 'yes' : 'no')) });
  });

  it('is on the page of the documents, as it was found', async () => {
    await expect(renderMatrix(tries, projectTries, sightings)).toMatchFileSnapshot('../../docs/authorisation-matrix.md');
  });
});

describe('the matrix', () => {
  /** Asked by an edge, which has no operation for it, and tried there. */
  const elsewhere: readonly Action[] = ['type:list'];

  it('has every action of the policy', () => {
    const tried = [...Object.values(artifactOperations), ...Object.values(projectOperations)].flatMap((one) => one.actions);
    expect(actions.filter((action) => !tried.includes(action))).toEqual(elsewhere);
  });

  it('tells policies all that they may look at, in every operation', async () => {
    const looking = `resource.type == "" || resource has name && resource.name == "" || resource has version && resource.version == ""
      || resource.state == "" || resource.visibility == "" || resource.hidden && resource.protected && resource.tags.contains("")
      || resource.properties.hasTag("no-such") || resource == Artifact::"none" || resource.project == ""`;
    using folder = createPolicyFolder(`forbid (principal, action, resource) when { resource is Artifact && (${looking}) };
      forbid (principal, action, resource) when { resource is Family && (resource.type == "" || resource.name == "") };
      forbid (principal, action, resource) when { principal == Caller::"nobody" || principal.project == "" };`);
    const policy = await loadPolicy({ files: [folder.file], includeDefault: true });
    const nosy = node.with({ policy });
    const differing: string[] = [];
    for (const [name, operation] of Object.entries(artifactOperations)) {
      for (const subject of subjects.filter(({ visibility }) => visibility === 'shared' || visibility === 'community')) {
        for (const [relation, role] of [
          ['own', 'm'],
          ['accepted', 'r'],
          ['stranger', 'a'],
        ] as const) {
          const run = (services: typeof nosy) =>
            outcome(rehearse(services, (within) => operation.run(actAsCaller(within, callerOf(relation, role)), subject)));
          const [plain, looked] = [await run(node.services), await run(nosy)];
          if (plain !== looked) differing.push(`${name} ${relation} ${subject.state}: ${plain}, looked at ${looked}`);
        }
      }
    }
    for (const [name, operation] of Object.entries(projectOperations)) {
      const caller = callerOf('mine', 'm');
      const run = (services: typeof nosy) =>
        outcome(rehearse(services, (within) => operation.run(actAsCaller(within, caller), 'mine')));
      const [plain, looked] = [await run(node.services), await run(nosy)];
      if (plain !== looked) differing.push(`${name}: ${plain}, looked at ${looked}`);
    }
    expect(differing).toEqual([]);
  });
});
