/** Two nodes over one database, many rounds: whatever the timing, each race has exactly one outcome, read back in SQL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMember } from '#ops/add-member.ts';
import type { Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { removeMember } from '#ops/remove-member.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { actAs, createTestNode, type Node, outcome, publishKit } from '#test/support/operations.ts';

const rounds = Number(process.env['VITRINE_RACE_ROUNDS'] ?? 40);

let node: Node;
let first: Services;
let second: Services;

beforeAll(async () => {
  node = await createTestNode();
  first = node.services;
  second = await node.second();
});
afterAll(() => node[Symbol.asyncDispose]());

/** How long the first of a race took last, in milliseconds: what the head starts are measured in. */
let paceMs = 10;

/** Starts both, one of them later by up to half as long again as the first takes: over the rounds every interleaving comes up. */
async function race(round: number, a: () => Promise<unknown>, b: () => Promise<unknown>): Promise<readonly [string, string]> {
  const lead = (((round % 11) - 3) / 5) * paceMs;
  const timed = async () => {
    if (lead < 0) await sleep(-lead);
    const start = performance.now();
    const result = await outcome(a());
    paceMs = performance.now() - start;
    return result;
  };
  const other = async () => {
    if (lead > 0) await sleep(lead);
    return outcome(b());
  };
  return Promise.all([timed(), other()]);
}

async function count(text: string, values: readonly unknown[]): Promise<number> {
  const [row] = await first.db.query<{ count: number }>({ text: `SELECT count(*)::integer AS count FROM ${text}` }, values);
  return row?.count ?? -1;
}

interface Tally {
  [outcome: string]: number;
}

function add(tally: Tally, outcome: string): void {
  tally[outcome] = (tally[outcome] ?? 0) + 1;
}

describe('races of two nodes', { timeout: 20_000 + rounds * 400 }, () => {
  it('publish one version with other content: one is live, the other is refused', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const name = `twice-${round}`;
      const drafts = [
        await createArtifact(a, { type: 'kit', name, version: '1.0.0', properties: { title: 'a' } }),
        await createArtifact(b, { type: 'kit', name, version: '1.0.0', properties: { title: 'b' } }),
      ] as const;
      const outcomes = await race(
        round,
        () => publishArtifact(a, { id: drafts[0].id }),
        () => publishArtifact(b, { id: drafts[1].id }),
      );
      expect(outcomes.toSorted()).toEqual(['VERSION_EXISTS', 'ok']);
      expect(await count(`artifact WHERE name = $1 AND state = 'active'`, [name])).toBe(1);
      expect(await count(`artifact WHERE name = $1 AND state = 'draft'`, [name])).toBe(1);
      expect(await count(`event WHERE kind = 'artifact.published' AND subject_id = ANY($1)`, [drafts.map(({ id }) => id)])).toBe(
        1,
      );
    }
  });

  it('publish one version with the same content: both answer the same artifact', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const input = { type: 'kit', name: `same-${round}`, version: '1.0.0' };
      const drafts = [await createArtifact(a, input), await createArtifact(b, input)] as const;
      const answers = await Promise.all([publishArtifact(a, { id: drafts[0].id }), publishArtifact(b, { id: drafts[1].id })]);
      expect(answers[0].id).toBe(answers[1].id);
      expect(await count(`artifact WHERE name = $1 AND state = 'active'`, [input.name])).toBe(1);
      expect(await count(`artifact WHERE name = $1 AND state = 'draft'`, [input.name])).toBe(0);
    }
  });

  it('publish a version against freezing an unversioned artifact under it: one has it, the other is refused', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const name = `freeze-${round}`;
      const { id } = await createArtifact(a, { type: 'kit', name, version: '1.0.0' });
      const loose = await createArtifact(a, { type: 'kit', name });
      await publishArtifact(a, { id: loose.id });
      const outcomes = await race(
        round,
        () => publishArtifact(a, { id }),
        () => updateArtifact(b, { id: loose.id, version: '1.0.0', properties: { title: 'other' } }),
      );
      expect(outcomes.toSorted()).toEqual(['VERSION_EXISTS', 'ok']);
      expect(await count(`artifact WHERE name = $1 AND version = '1.0.0' AND state = 'active'`, [name])).toBe(1);
    }
  });

  it('publish one draft twice: one publishes, the other finds it published', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await createArtifact(a, { type: 'kit', name: `draft-${round}`, version: '1.0.0' });
      const outcomes = await race(
        round,
        () => publishArtifact(a, { id }),
        () => publishArtifact(b, { id }),
      );
      expect(outcomes.toSorted()).toEqual(['STATE_CONFLICT', 'ok']);
      expect(await count(`event WHERE kind = 'artifact.published' AND subject_id = $1`, [id])).toBe(1);
      expect(await count('artifact_name WHERE artifact_id = $1', [id])).toBe(1);
    }
  });

  it('create under one idempotency key: one artifact, answered twice', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const input = { type: 'kit', name: `key-${round}`, version: '1.0.0', idempotencyKey: `key-${round}` };
      const answers = await Promise.all([createArtifact(a, input), createArtifact(b, input)]);
      expect(answers[0]).toEqual(answers[1]);
      expect(await count('artifact WHERE name = $1', [input.name])).toBe(1);
    }
  });

  it('publish against yank of the dependency: pinned before the yank, or refused after it', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    const tally: Tally = {};
    for (let round = 0; round < rounds; round += 1) {
      const lib = await publishKit(a, { name: `yank-${round}` });
      const dependencies = [{ slot: 'uses', alias: 'lib', ref: `kit/yank-${round}@^1` }];
      const { id } = await createArtifact(a, { type: 'kit', name: `yanker-${round}`, version: '1.0.0', dependencies });
      const [published, yanked] = await race(
        round,
        () => publishArtifact(a, { id }),
        () => yankArtifact(b, { id: lib.id }),
      );
      expect(yanked).toBe('ok');
      expect(['ok', 'DEPENDENCY_UNRESOLVED']).toContain(published);
      add(tally, published);
      // The order in which the two transactions took their ids decides nothing; the pin and the yank of the rows do.
      const isPinned = published === 'ok' ? 1 : 0;
      expect(await count('dependency WHERE artifact_id = $1 AND resolved_id = $2', [id, lib.id])).toBe(isPinned);
      expect(await count(`artifact WHERE id = $1 AND state = 'active'`, [id])).toBe(isPinned);
      expect(await count('artifact WHERE id = $1 AND yanked_at IS NOT NULL', [lib.id])).toBe(1);
      const yankedAfter = `event p JOIN event y ON y.subject_id = $2 AND y.kind = 'artifact.yanked'
        WHERE p.subject_id = $1 AND p.kind = 'artifact.published' AND p.id < y.id`;
      expect(await count(yankedAfter, [id, lib.id])).toBe(isPinned);
    }
    expect(Object.keys(tally).toSorted()).toEqual(['DEPENDENCY_UNRESOLVED', 'ok']);
  });

  it('publish against yank with a lower version to fall to: always one pin, and to an unyanked version if after', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const low = await publishKit(a, { name: `fall-${round}`, version: '1.0.0' });
      const high = await publishKit(a, { name: `fall-${round}`, version: '1.1.0' });
      const dependencies = [{ slot: 'uses', alias: 'lib', ref: `kit/fall-${round}@^1` }];
      const { id } = await createArtifact(a, { type: 'kit', dependencies });
      const outcomes = await race(
        round,
        () => publishArtifact(a, { id }),
        () => yankArtifact(b, { id: high.id }),
      );
      expect(outcomes).toEqual(['ok', 'ok']);
      expect(await count('dependency WHERE artifact_id = $1 AND resolved_id = ANY($2)', [id, [low.id, high.id]])).toBe(1);
      const pinnedAfterYank = `dependency d JOIN event y ON y.subject_id = d.resolved_id AND y.kind = 'artifact.yanked'
        JOIN event p ON p.subject_id = d.artifact_id AND p.kind = 'artifact.published' WHERE d.artifact_id = $1 AND p.id > y.id`;
      expect(await count(pinnedAfterYank, [id])).toBe(0);
    }
  });

  it('publish against narrowing the dependency: the consumer is public over a public pin, or refused', async () => {
    const [a, b] = [actAs(first, 'own', 'admin'), actAs(second, 'own', 'admin')];
    const tally: Tally = {};
    for (let round = 0; round < rounds; round += 1) {
      const lib = await publishKit(a, { name: `narrow-${round}`, visibility: 'public' });
      const dependencies = [{ slot: 'uses', alias: 'lib', ref: `kit/narrow-${round}@^1` }];
      const input = { type: 'kit', name: `wide-${round}`, version: '1.0.0', visibility: 'public', dependencies } as const;
      const { id } = await createArtifact(a, input);
      const [published, narrowed] = await race(
        round,
        () => publishArtifact(a, { id }),
        () => updateArtifact(b, { id: lib.id, visibility: 'private' }),
      );
      expect(narrowed).toBe('ok');
      expect(['ok', 'AUDIENCE_TOO_WIDE']).toContain(published);
      add(tally, published);
      const isPublished = published === 'ok' ? 1 : 0;
      expect(await count(`artifact WHERE id = $1 AND state = 'active'`, [id])).toBe(isPublished);
      expect(await count(`artifact WHERE id = $1 AND visibility = 'private'`, [lib.id])).toBe(1);
      const narrowedAfter = `event p JOIN event n ON n.subject_id = $2 AND n.kind = 'artifact.updated'
        WHERE p.subject_id = $1 AND p.kind = 'artifact.published' AND p.id < n.id`;
      expect(await count(narrowedAfter, [id, lib.id])).toBe(isPublished);
    }
    expect(Object.keys(tally).toSorted()).toEqual(['AUDIENCE_TOO_WIDE', 'ok']);
  });

  it('publish against ending the share of the dependency: shared consumer over a shared pin, or refused', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const lib = await publishKit(a, { name: `share-${round}`, visibility: 'shared' });
      await addMember(a, { artifactId: lib.id, project: 'friend' });
      const dependencies = [{ slot: 'uses', alias: 'lib', ref: `kit/share-${round}@^1` }];
      const { id } = await createArtifact(a, { type: 'kit', visibility: 'shared', dependencies });
      await addMember(a, { artifactId: id, project: 'friend' });
      const [published, removed] = await race(
        round,
        () => publishArtifact(a, { id }),
        () => removeMember(b, { artifactId: lib.id, project: 'friend' }),
      );
      expect(removed).toBe('ok');
      expect(['ok', 'AUDIENCE_TOO_WIDE']).toContain(published);
      const publishedBefore = `event p JOIN event n ON n.subject_id = $2 AND n.kind = 'member.removed'
        WHERE p.subject_id = $1 AND p.kind = 'artifact.published' AND p.id < n.id`;
      expect(await count(publishedBefore, [id, lib.id])).toBe(published === 'ok' ? 1 : 0);
    }
  });

  it('publish against delete of the dependency: never an active artifact pinned to a tombstone of its own project', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    for (let round = 0; round < rounds; round += 1) {
      const lib = await publishKit(a, { name: `delete-${round}` });
      const dependencies = [{ slot: 'uses', alias: 'lib', ref: lib.id }];
      const { id } = await createArtifact(a, { type: 'kit', dependencies });
      const outcomes = await race(
        round,
        () => publishArtifact(a, { id }),
        () => deleteArtifact(b, { id: lib.id }),
      );
      expect([
        ['ok', 'ARTIFACT_REQUIRED'],
        ['DEPENDENCY_UNRESOLVED', 'ok'],
      ]).toContainEqual(outcomes);
      const dangling = `dependency d JOIN artifact t ON t.id = d.resolved_id JOIN artifact c ON c.id = d.artifact_id
        WHERE c.id = $1 AND c.state = 'active' AND t.state = 'deleted'`;
      expect(await count(dangling, [id])).toBe(0);
    }
  });

  it('update of one revision: one wins, the other is told the current revision', async () => {
    const [a, b] = [actAs(first, 'own'), actAs(second, 'own')];
    const { id } = await createArtifact(a, { type: 'kit' });
    for (let round = 0; round < rounds; round += 1) {
      const expectedRevision = round + 1;
      const outcomes = await race(
        round,
        () => updateArtifact(a, { id, expectedRevision, properties: { count: round * 2 + 1 } }),
        () => updateArtifact(b, { id, expectedRevision, properties: { count: round * 2 + 2 } }),
      );
      expect(outcomes.toSorted()).toEqual(['REVISION_CONFLICT', 'ok']);
      expect(await count('artifact WHERE id = $1 AND revision = $2', [id, expectedRevision + 1])).toBe(1);
    }
  });
});
