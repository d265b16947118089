/** Collectors without pause beside everything that refers to bytes, on two nodes: judged from outside after every round. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, putText } from '#test/support/operations.ts';

// Each round is judged as a whole, which takes longer the more there were.
const rounds = Math.min(60, Number(process.env['VITRINE_RACE_ROUNDS'] ?? 25));

let node: Node;
let second: Services;
let own: OpContext;
let other: OpContext;
let drafts = 0;

beforeAll(async () => {
  node = await createTestNode();
  second = await node.second();
  own = actAs(node.services, 'own');
  other = actAs(second, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

async function draft(context: OpContext): Promise<string> {
  drafts += 1;
  const { id } = await createArtifact(context, { type: 'kit', name: `race-${drafts}`, version: '1.0.0' });
  return id;
}

/** Two collectors, one on each node, for as long as the work takes. */
async function besideCollectors(work: () => Promise<void>): Promise<number> {
  let isOver = false;
  let collections = 0;
  const collectors = [node.services, second].map(async (services) => {
    while (!isOver) {
      await collectBlobs(services, { graceMs: collections % 3 }, quietRun());
      collections += 1;
    }
  });
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(collectors);
  }
  return collections;
}

async function judged(): Promise<readonly string[]> {
  return (await judgeBytes(node.services.db, node.storeFolder)).broken;
}

/** After the storm two quiet collections leave nothing over. */
async function settled(): Promise<readonly string[]> {
  for (let count = 0; count < 2; count += 1) await collectBlobs(node.services, { graceMs: 0 }, quietRun());
  return (await judgeBytes(node.services.db, node.storeFolder)).garbage;
}

describe('collectors beside', { timeout: 30_000 + rounds * 2_000 }, () => {
  it('uploads and deletes of the same bytes: each upload that was answered has its bytes', async () => {
    const collections = await besideCollectors(async () => {
      for (let round = 0; round < rounds; round += 1) {
        const texts = ['same', `round ${round}`, 'same'];
        const ids = await Promise.all(texts.map((_text, index) => draft(index === 1 ? other : own)));
        await Promise.all(ids.map((id, index) => putText(index === 1 ? other : own, id, 'main', texts[index] ?? '')));
        expect(await judged()).toEqual([]);
        await Promise.all(ids.map((id) => deleteArtifact(own, { id })));
      }
    });
    expect(collections).toBeGreaterThan(rounds / 2);
    expect(await settled()).toEqual([]);
  });

  it('publishes of what is sent at the same time: what is published can be read', async () => {
    let published = 0;
    await besideCollectors(async () => {
      for (let round = 0; round < rounds; round += 1) {
        const [first, twin] = [await draft(own), await draft(other)];
        await putText(own, first, 'main', `twice ${round % 3}`);
        await Promise.all([
          publishArtifact(own, { id: first }),
          putText(other, twin, 'main', `twice ${round % 3}`).then(() => deleteArtifact(other, { id: twin })),
        ]);
        expect(await judged()).toEqual([]);
        published += 1;
        if (round % 2 === 0) await deleteArtifact(other, { id: first });
      }
    });
    expect(published).toBe(rounds);
    expect(await settled()).toEqual([]);
    expect(await judged()).toEqual([]);
  });

  it('a slot that is written over and over: the last bytes stay, all others go', async () => {
    const id = await draft(own);
    await besideCollectors(async () => {
      for (let round = 0; round < rounds; round += 1) {
        await putText(round % 2 === 0 ? own : other, id, 'main', `version ${round % 4}`);
        expect(await judged()).toEqual([]);
      }
    });
    expect(await settled()).toEqual([]);
    const { objects } = await judgeBytes(node.services.db, node.storeFolder);
    const rows = await node.services.db.query({ text: 'SELECT 1 FROM artifact_blob' });
    expect(new Set(objects).size).toBeLessThanOrEqual(rows.length);
  });
});
