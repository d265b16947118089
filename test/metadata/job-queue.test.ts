import { getConstructionPlans, PgBoss } from 'pg-boss';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobQueue, openJobQueue } from '#metadata/metadata.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

let test: TestDatabase;
let queue: JobQueue;

beforeAll(async () => {
  test = await createTestDatabase();
  queue = openJobQueue(test.db);
});

afterAll(async () => {
  await queue[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});

interface Row {
  readonly id: string;
  readonly state: string;
  readonly data: object;
}

const jobsOf = (key: string) =>
  test.db.query<Row>({ text: 'SELECT id, state, data FROM vitrine_jobs.job WHERE singleton_key = $1 ORDER BY created_on' }, [
    key,
  ]);

const work = (key: string) => ({ name: 'upload:verify', payload: { uploadId: key }, key });

describe('the tables of the queue', () => {
  it('are those that the installed pg-boss expects', async () => {
    const boss = new PgBoss({
      db: { executeSql: async (text, values = []) => ({ rows: (await test.db.query<object>({ text }, values)) ?? [] }) },
      ...{ schema: 'vitrine_jobs', migrate: false, supervise: false, schedule: false },
    });
    expect(await boss.detectSchemaDrift()).toMatchObject({ ok: true, missing: [], missingTables: [], columnDrift: [] });
    expect(getConstructionPlans('vitrine_jobs')).toContain(`version(version) VALUES ('${await boss.schemaVersion()}')`);
  });
});

describe('asking for a job in a transaction', () => {
  it('is there with the commit', async () => {
    const id = await test.db.transaction((tx) => queue.enqueue(tx, work('committed')));
    expect(await jobsOf('committed')).toEqual([{ id, state: 'created', data: { uploadId: 'committed' } }]);
  });

  it('never was where the transaction rolls back', async () => {
    const failing = test.db.transaction(async (tx) => {
      await queue.enqueue(tx, work('rolled back'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await jobsOf('rolled back')).toEqual([]);
  });

  it('needs no second connection, also as the first use of all', async () => {
    await using small = await createTestDatabase({ poolSize: 1 });
    await using first = openJobQueue(small.db);
    expect(await small.db.transaction((tx) => first.enqueue(tx, work('alone')))).not.toBeNull();
  });

  it('finds what waits under its key already', async () => {
    const id = await test.db.transaction((tx) => queue.enqueue(tx, work('twice')));
    expect(id).not.toBeNull();
    expect(await test.db.transaction((tx) => queue.enqueue(tx, work('twice')))).toBeNull();
    expect(await jobsOf('twice')).toHaveLength(1);
  });

  it('lets what waits under its key for later wait no longer than what is asked for', async () => {
    const startAfter = async () => {
      const [row] = await test.db.query<{ seconds: number }>({
        text: `SELECT extract(epoch FROM start_after - now())::float8 AS seconds FROM vitrine_jobs.job WHERE singleton_key = 'later'`,
      });
      return row?.seconds ?? Number.NaN;
    };
    expect(await queue.enqueue(test.db, { ...work('later'), startAfterMs: 3600_000 })).not.toBeNull();
    expect(await queue.enqueue(test.db, { ...work('later'), startAfterMs: 7200_000 })).toBeNull();
    expect(await startAfter()).toBeGreaterThan(3000);
    expect(await queue.enqueue(test.db, work('later'))).toBeNull();
    expect(await startAfter()).toBeLessThanOrEqual(0);
    expect(await jobsOf('later')).toHaveLength(1);
  });

  it('keeps a worker from what waits until its transaction is over', async () => {
    await queue.enqueue(test.db, work('held'));
    const fetched = async () => {
      const boss = new PgBoss({
        db: { executeSql: async (text, values = []) => ({ rows: (await test.db.query<object>({ text }, values)) ?? [] }) },
        ...{ schema: 'vitrine_jobs', migrate: false, supervise: false, schedule: false },
      });
      await boss.start();
      const jobs = await boss.fetch<{ uploadId: string }>('upload.verify', { batchSize: 100 });
      await boss.stop({ graceful: false, close: false });
      return jobs.map(({ data }) => data.uploadId);
    };
    await test.db.transaction(async (tx) => {
      expect(await queue.enqueue(tx, work('held'))).toBeNull();
      expect(await fetched()).not.toContain('held');
    });
    expect(await fetched()).toContain('held');
  });

  it('adds one of each where there is no key', async () => {
    const { name, payload } = work('keyless');
    const ids = await test.db.transaction(async (tx) => [
      await queue.enqueue(tx, { name, payload }),
      await queue.enqueue(tx, { name, payload }),
    ]);
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(null);
  });

  it('waits for who asks for the same at that moment, and asks itself where that one rolls back', async () => {
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    const { promise: ending, resolve: end } = Promise.withResolvers<void>();
    const first = test.db.transaction(async (tx) => {
      await queue.enqueue(tx, work('both'));
      isAsked();
      await ending;
      throw new Error('no');
    });
    await asked;
    const second = test.db.transaction((tx) => queue.enqueue(tx, work('both')));
    end();
    await expect(first).rejects.toThrow('no');
    const id = await second;
    expect(await jobsOf('both')).toEqual([expect.objectContaining({ id })]);
  });
});
