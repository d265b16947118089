import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { refusal } from '#test/support/operations.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const echo = { name: 'echo', text: 'SELECT $1::integer AS n, pg_backend_pid() AS pid' };
const divide = { name: 'divide', text: 'SELECT 1 / $1::integer AS n' };

describe('pipelined reads', () => {
  it('answer each caller with its own rows, many at once over two connections', async () => {
    const { reads } = database.db;
    const rows = await Promise.all(Array.from({ length: 500 }, (_, n) => reads.query<{ n: number; pid: number }>(echo, [n])));
    expect(rows.map(([row]) => row?.n)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(new Set(rows.map(([row]) => row?.pid)).size).toBe(2);
  });

  it('fail alone: a statement that fails takes none of its neighbours with it', async () => {
    const { reads } = database.db;
    const settled = await Promise.allSettled(Array.from({ length: 60 }, (_, n) => reads.query<{ n: number }>(divide, [n % 3])));
    expect(settled.map(({ status }) => status)).toEqual(settled.map((_, n) => (n % 3 === 0 ? 'rejected' : 'fulfilled')));
  });

  it('connect again after their connection was lost', async () => {
    const { reads } = database.db;
    const pids = await Promise.all([0, 1].map(async (n) => (await reads.query<{ pid: number }>(echo, [n]))[0]?.pid));
    await database.db.query({ text: 'SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid' }, [pids]);
    await expect
      .poll(() =>
        Promise.all([1, 2].map((n) => reads.query<{ n: number }>(echo, [n]))).then(
          () => 'answered',
          () => 'lost',
        ),
      )
      .toBe('answered');
  });

  it('are refused without a name, and after the database was closed', async () => {
    await expect(database.db.reads.query({ text: 'SELECT 1' })).rejects.toThrow(TypeError);
    await using other = await createTestDatabase();
    await other.db.reads.query(echo, [1]);
    await other.db[Symbol.asyncDispose]();
    expect((await refusal(other.db.reads.query(echo, [1]))).code).toBe('DATABASE_UNAVAILABLE');
  });
});
