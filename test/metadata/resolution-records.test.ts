/** Ranges in SQL against ranges in memory: the same versions, for whatever range. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { randomId } from '#base/id.ts';
import { parseRange, type Range, satisfies } from '#core/range.ts';
import { compareVersions, parseVersion, type Version } from '#core/version.ts';
import { artifactRecords, familyRecords, resolutionRecords } from '#metadata/metadata.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

let database: TestDatabase;
let familyId: string;
const viewer = { project: 'own', isAdmin: false };

const part = fc.constantFrom('0', '1', '2', '10', '99999999999999999999');
const identifier = fc.constantFrom('0', '1', '2', '10', 'a', 'alpha', 'rc', 'rc-1', '1a');
const prerelease = fc.option(fc.array(identifier, { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 2 });
const versionText = fc
  .tuple(part, part, part, prerelease)
  .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre === undefined ? '' : `-${pre.join('.')}`}`);
const comparator = fc
  .tuple(fc.constantFrom('', '^', '~', '>', '>=', '<', '<=', '='), fc.oneof(versionText, fc.constantFrom('1', '1.x', '2.1', '*')))
  .map(([operator, version]) => operator + version);
const rangeText = fc
  .array(fc.array(comparator, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
  .map((sets) => sets.map((set) => set.join(' ')).join(' || '));

const stored: Version[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const { row } = await familyRecords.ensureFamily(db, { project: 'own', type: 'kit', name: 'lib' }, randomId());
  familyId = row.id;
  const texts = new Set(fc.sample(versionText, { numRuns: 150, seed: 7 }));
  for (const text of texts) {
    const version = parseVersion(text);
    if (version === undefined || stored.some(({ key }) => key === version.key)) continue;
    stored.push(version);
    const id = randomId();
    await artifactRecords.insertDraft(db, {
      ...{ id, project: 'own', type: 'kit', typeVersion: '1', familyId, name: 'lib', version, visibility: 'private' },
      ...{ hidden: false, protected: false, properties: {}, tags: [], createdBy: 'test', draftTtlMs: 1000 },
    });
    await artifactRecords.publishArtifact(db, id, {}, null);
  }
});
afterAll(() => database[Symbol.asyncDispose]());

function readRange(text: string): Range | undefined {
  try {
    return parseRange(text);
  } catch (error) {
    if (isAppError(error, 'RANGE_INVALID')) return undefined;
    throw error;
  }
}

describe('the highest version within a range', () => {
  it('is in SQL what it is in memory', async () => {
    expect(stored.length).toBeGreaterThan(80);
    let matched = 0;
    await fc.assert(
      fc.asyncProperty(rangeText, async (text) => {
        const range = readRange(text);
        fc.pre(range !== undefined);
        const expected = stored
          .filter((version) => satisfies(version, range))
          .toSorted(compareVersions)
          .at(-1);
        const found = await resolutionRecords.findHighest(database.db, viewer, { familyId, isProjectNamed: false }, range);
        expect(found?.version).toBe(expected?.text);
        if (expected !== undefined) matched += 1;
      }),
      { numRuns: 400 },
    );
    expect(matched).toBeGreaterThan(50);
  });

  it('is ordered as SemVer orders: the candidates come newest first', async () => {
    const candidates = await resolutionRecords.listCandidates(database.db, viewer, { familyId, isProjectNamed: false }, 1000);
    expect(candidates).toEqual(
      stored
        .toSorted(compareVersions)
        .map(({ text }) => text)
        .toReversed(),
    );
  });
});
