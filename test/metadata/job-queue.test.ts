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
