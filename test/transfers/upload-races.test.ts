import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { actAs, createTestNode, type Node, outcome } from '#test/support/operations.ts';

const rounds = Number(process.env['VITRINE_RACE_ROUNDS'] ?? 40);

let node: Node;
let nodes: readonly [Services, Services];
beforeAll(async () => {
  node = await createTestNode({ maxBlobBytes: 1024 * 1024 });
  nodes = [node.services, await node.second()];
});
afterAll(() => node[Symbol.asyncDispose]());

/** In pieces with a turn of the loop between them, so that two of them come interleaved. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 1000) yield bytes.subarray(start, start + 1000);
}

async function upload(services: Services, artifactId: string, bytes: Buffer): Promise<string> {
  return outcome(uploadBlob(actAs(services, 'blue'), { artifactId, slot: 'main', source: Readable.from(pieces(bytes)) }));
}

async function rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return nodes[0].db.query<Row>({ text }, values);
}

interface Held {
  readonly size: number;
  readonly store: string;
  readonly object_key: string;
  readonly locations: number;
}

async function held(artifactId: string): Promise<readonly Held[]> {
  return rows<Held>(
    `SELECT b.size_bytes AS size, l.store, l.object_key,
       (SELECT count(*)::integer FROM location WHERE blob_id = b.id AND state = 'live') AS locations
     FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live'
     WHERE ab.artifact_id = $1`,
    [artifactId],
  );
}

describe('two uploads of one slot, on two nodes', () => {
  it(
    'leave the bytes of one that was told so, each time, with its object and without a session',
    async () => {
      const seen = new Set<string>();
      for (let round = 0; round < rounds; round += 1) {
        const draft = await createArtifact(actAs(nodes[0], 'blue'), { type: 'kit' });
        // Of different sizes, so that the winner is known by its size.
        const sizes = [2000 + (round % 7) * 1000, 30_000 + round] as const;
        const outcomes = await Promise.all(
          sizes.map((size, index) => upload(nodes[index === 0 ? 0 : 1], draft.id, randomBytes(size))),
        );
        seen.add(outcomes.join());
        for (const answer of outcomes) expect(['ok', 'UPLOAD_BUSY']).toContain(answer);
        const kept = await held(draft.id);
        expect(kept).toHaveLength(1);
        const winner = sizes.indexOf(kept[0]?.size ?? -1);
        expect(outcomes[winner]).toBe('ok');
        expect(kept[0]).toMatchObject({ locations: 1, store: 'local' });
        const stored = await nodes[0].blobs.defaultStore.stat(kept[0]?.object_key ?? '');
        expect(stored?.sizeBytes).toBe(kept[0]?.size);
        const successes = outcomes.filter((answer) => answer === 'ok').length;
        const [counted] = await rows<{ revision: number; events: number }>(
          `SELECT a.revision, (SELECT count(*)::integer FROM event e WHERE e.subject_id = a.id AND e.kind = 'artifact.blob.attached') AS events
           FROM artifact a WHERE a.id = $1`,
          [draft.id],
        );
        expect(counted).toEqual({ revision: draft.revision + successes, events: successes });
      }
      expect(await rows('SELECT 1 FROM upload_session')).toEqual([]);
      // A race in which nobody ever lost was none.
      expect([...seen].some((outcomes) => outcomes.includes('UPLOAD_BUSY'))).toBe(true);
    },
    60_000 + rounds * 1000,
  );
});

describe('two uploads of the same bytes, on two nodes', () => {
  it(
    'make one blob at one location, and keep no object besides',
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const bytes = randomBytes(3000 + round);
        const drafts = await Promise.all([0, 1].map(() => createArtifact(actAs(nodes[0], 'blue'), { type: 'kit' })));
        const [first, second] = drafts.map(({ id }) => id) as [string, string];
        const outcomes = await Promise.all([upload(nodes[0], first, bytes), upload(nodes[1], second, bytes)]);
        expect(outcomes).toEqual(['ok', 'ok']);
        const kept = [...(await held(first)), ...(await held(second))];
        expect(kept.map(({ locations }) => locations)).toEqual([1, 1]);
        expect(kept[0]?.object_key).toBe(kept[1]?.object_key);
      }
      const known = await rows<{ object_key: string }>('SELECT object_key FROM location');
      const stored: string[] = [];
      for await (const { key } of nodes[0].blobs.defaultStore.list(new AbortController().signal)) stored.push(key);
      expect(stored.sort()).toEqual(known.map((row) => row.object_key).sort());
    },
    60_000 + rounds * 1000,
  );
});

describe('an upload against a publish, on two nodes', () => {
  it(
    'never changes what was published',
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const draft = await createArtifact(actAs(nodes[0], 'blue'), { type: 'kit', name: 'raced', version: `1.0.${round}` });
        expect(await upload(nodes[0], draft.id, randomBytes(500))).toBe('ok');
        const publishing = async (): Promise<string> => {
          // Sometimes before the upload has begun, sometimes while it runs.
          if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
          return outcome(publishArtifact(actAs(nodes[1], 'blue'), { id: draft.id }));
        };
        const [uploaded, published] = await Promise.all([upload(nodes[0], draft.id, randomBytes(20_000 + round)), publishing()]);
        const [state] = await rows<{ state: string }>('SELECT state FROM artifact WHERE id = $1', [draft.id]);
        expect(state?.state).toBe(published === 'ok' ? 'active' : 'draft');
        const events = await rows<{ kind: string }>('SELECT kind FROM event WHERE subject_id = $1 ORDER BY revision', [draft.id]);
        const kinds = events.map(({ kind }) => kind);
        // Whatever came, nothing was attached after the publish.
        if (published === 'ok') expect(kinds.at(-1)).toBe('artifact.published');
        const attached = kinds.filter((kind) => kind === 'artifact.blob.attached').length;
        expect(attached).toBe(uploaded === 'ok' ? 2 : 1);
        const [kept] = await held(draft.id);
        expect(kept?.size).toBe(uploaded === 'ok' ? 20_000 + round : 500);
      }
    },
    60_000 + rounds * 1000,
  );
});

describe('two uploads to paths that differ in case only, on two nodes', () => {
  it(
    'leave one of the two, each time',
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const draft = await createArtifact(actAs(nodes[0], 'blue'), { type: 'kit' });
        // Beyond ASCII too, where only the second look, under the lock, can tell.
        const paths = round % 2 === 0 ? ['Notes.md', 'notes.MD'] : ['É/ſ', 'é/S'];
        const outcomes = await Promise.all(
          paths.map((path, index) =>
            outcome(
              uploadBlob(actAs(nodes[index === 0 ? 0 : 1], 'blue'), {
                ...{ artifactId: draft.id, slot: 'docs', path },
                source: Readable.from(pieces(randomBytes(5000))),
              }),
            ),
          ),
        );
        expect(outcomes.toSorted()).toEqual(['PATH_TAKEN', 'ok']);
        const kept = await rows<{ path: string }>('SELECT path FROM artifact_blob WHERE artifact_id = $1', [draft.id]);
        expect(kept).toEqual([{ path: paths[outcomes.indexOf('ok')] }]);
      }
    },
    rounds * 1000,
  );
});
