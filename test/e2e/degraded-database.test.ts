/** A database that goes away under load and comes back, under a server that runs on. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DegradedVitrine, type Outcome, startDegraded, untilDone } from '#test/support/degraded.ts';
import { type ExternalPostgres, startExternalPostgres } from '#test/support/external-postgres.ts';

const timeoutMs = 240_000;

let stack: AsyncDisposableStack;
let postgres: ExternalPostgres;
let vitrine: DegradedVitrine;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  postgres = stack.use(await startExternalPostgres());
  const env = { VITRINE_DATABASE_URL: postgres.url, VITRINE_JOBS_COLLECT_EVERY_MS: '500', VITRINE_STORAGE_COLLECT_GRACE_MS: '0' };
  vitrine = await startDegraded(stack, { env });
}, timeoutMs);
afterEach(() => stack.disposeAsync(), timeoutMs);

interface Load {
  /** What was published, and what its file holds; nothing but what was acknowledged. */
  readonly published: ReadonlyMap<string, Buffer>;
  readonly outcomes: Set<Outcome>;
  stop(): Promise<void>;
}

/** Clients that push, publish and pull, whatever they are answered. */
function startLoad(): Load {
  const published = new Map<string, Buffer>();
  const outcomes = new Set<Outcome>();
  let isOver = false;
  const one = async (): Promise<Outcome> => {
    const id = await vitrine.newDraft();
    const bytes = randomBytes(20_000);
    const sent = await vitrine.put(id, 'file', bytes);
    if (sent !== 'OK') return sent;
    const { outcome } = await vitrine.mutate('publishArtifact', { id });
    if (outcome !== 'OK') return outcome;
    published.set(id, bytes);
    const pulled = await vitrine.read(id, 'file');
    return typeof pulled === 'string' ? pulled : pulled.equals(bytes) ? 'OK' : 'other bytes';
  };
  const client = async (): Promise<void> => {
    while (!isOver) outcomes.add(await one().catch((error: unknown) => (error instanceof Error ? error.message : String(error))));
  };
  const clients = Array.from({ length: 4 }, client);
  return {
    published,
    outcomes,
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

/** What a load may be answered while the database is away; the first is thrown by what makes drafts. */
const typedAnswers = new Set<Outcome>(['OK', 'DATABASE_UNAVAILABLE', 'createArtifact: DATABASE_UNAVAILABLE']);

describe.each(['fast', 'crash'] as const)('a database that is stopped (%s) and started again', (how) => {
  it(
    'is missed with typed errors, and used again by requests, reads, uploads and jobs without a restart',
    async () => {
      const id = await vitrine.newDraft();
      const bytes = randomBytes(300_000);
      const upload = await vitrine.beginTus(id, 'parts', bytes.length);
      expect(await vitrine.patchTus(upload, 0, bytes.subarray(0, 100_000))).toBe('OK');
      const load = startLoad();
      await untilDone('some load', async () => (load.published.size >= 8 ? true : undefined));

      await postgres.stop(how);
      await untilDone('an error', async () => ([...load.outcomes].some((outcome) => outcome !== 'OK') ? true : undefined));
      expect(await vitrine.list()).toBe('DATABASE_UNAVAILABLE');
      expect(await vitrine.read(id, 'parts')).toBe('DATABASE_UNAVAILABLE');
      expect(await vitrine.patchTus(upload, 100_000, bytes.subarray(100_000))).toBe('DATABASE_UNAVAILABLE');
      expect((await fetch(`${vitrine.url}/readyz`)).status).toBe(503);
      const before = load.published.size;
      await postgres.restart();

      await untilDone('load after it', async () => (load.published.size >= before + 8 ? true : undefined));
      await load.stop();
      expect([...load.outcomes].filter((outcome) => !typedAnswers.has(outcome))).toEqual([]);
      for (const [published, sent] of load.published) expect(await vitrine.read(published, 'file')).toEqual(sent);
      const { offset } = await vitrine.tusStatus(upload);
      expect(offset).toBe(100_000);
      expect(await vitrine.patchTus(upload, offset, bytes.subarray(offset))).toBe('OK');
      expect(await vitrine.read(id, 'parts')).toEqual(bytes);
      expect(await vitrine.runJob('uploads:expire')).toBeTypeOf('object');
      await vitrine.runJob('blobs:collect');
      expect(await vitrine.runJob('stores:reconcile', { repair: false, strayAgeMs: 0 })).toMatchObject({
        stores: [{ damaged: { count: 0 } }],
      });
      expect((await fetch(`${vitrine.url}/readyz`)).status).toBe(200);
    },
    timeoutMs,
  );
});
