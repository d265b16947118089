import { describe, expect, it } from 'vitest';
import type { Database } from '#metadata/database.ts';
import { isUniqueViolation, openDatabase } from '#metadata/metadata.ts';
import { createTestDatabase, serverOf } from '#test/support/database.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';

describe('values', () => {
  it('arrive as numbers, dates, parsed JSON and exact text', async () => {
    await using test = await createTestDatabase();
    const [row] = await test.db.query<Record<string, unknown>>({
      text: `SELECT 4294967296::int8 AS size, 9223372036854775807::int8 AS huge, 1.10::numeric AS amount,
             '2026-01-02T03:04:05.678Z'::timestamptz AS at, '{"a":[1]}'::jsonb AS body, ARRAY['x','y'] AS tags, 'a'::bytea AS raw`,
    });
    expect(row).toEqual({
      size: 4_294_967_296,
      huge: '9223372036854775807',
      amount: '1.10',
      at: new Date('2026-01-02T03:04:05.678Z'),
      body: { a: [1] },
      tags: ['x', 'y'],
      raw: Buffer.from('a'),
    });
  });
});

describe('every session', () => {
  it('plans for short reads, in UTC, with a deadline', async () => {
    await using test = await createTestDatabase();
    const [row] = await test.db.query<Record<string, unknown>>({
      name: 'settings',
      text: `SELECT current_setting('jit') AS jit, current_setting('max_parallel_workers_per_gather') AS workers,
             current_setting('timezone') AS timezone, current_setting('statement_timeout') AS deadline`,
    });
    expect(row).toEqual({ jit: 'off', workers: '0', timezone: 'UTC', deadline: '30s' });
  });

  it('answers REQUEST_TIMEOUT for a statement beyond the deadline', async () => {
    await using test = await createTestDatabase();
    await using db = openDatabase({ url: test.url, statementTimeoutMs: 30 });
    await expect(db.query({ text: 'SELECT pg_sleep(10)' })).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });
});

describe('a server that says nothing any more', () => {
  /** Through a proxy, with everything connected. */
  async function openSilenced(stack: AsyncDisposableStack): Promise<Database> {
    const { url } = stack.use(await createTestDatabase());
    const proxy = stack.use(await startTcpProxy(serverOf(url)));
    const { username, password, pathname } = new URL(url);
    const near = `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}`;
    const db = stack.use(openDatabase({ url: near, poolSize: 1, statementTimeoutMs: 200, connectTimeoutMs: 200 }));
    await Promise.all([db.query(one), db.lists.query(one), db.reads.query(one), db.reads.query(one)]);
    proxy.hush();
    return db;
  }
  const one = { name: 'one', text: 'SELECT 1 AS one' };

  it('is DATABASE_UNAVAILABLE to who waits for it, and others are answered over new connections', async () => {
    await using stack = new AsyncDisposableStack();
    const db = await openSilenced(stack);
    const all = [db, db.lists, db.reads, db.reads];
    for (const sql of all) await expect(sql.query(one)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    for (const sql of all) expect(await sql.query(one)).toEqual([{ one: 1 }]);
  });

  it('is so to a transaction, whose connection is given up', async () => {
    await using stack = new AsyncDisposableStack();
    const db = await openSilenced(stack);
    await expect(db.transaction((tx) => tx.query(one))).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await db.transaction((tx) => tx.query(one))).toEqual([{ one: 1 }]);
  });
});

describe('a transaction', () => {
  it('keeps what it returned from and forgets what it threw from', async () => {
    await using test = await createTestDatabase();
    await test.db.query({ text: 'CREATE TABLE t (n int PRIMARY KEY)' });
    await test.db.transaction((tx) => tx.query({ text: 'INSERT INTO t VALUES (1)' }));
    const failed = test.db.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO t VALUES (2)' });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await test.db.query({ text: 'SELECT n FROM t' })).toEqual([{ n: 1 }]);
  });

  it('is run again after a serialization failure', async () => {
    await using test = await createTestDatabase();
    await test.db.query({ text: 'CREATE TABLE t (n int); INSERT INTO t VALUES (0)' });
    const increments = Array.from({ length: 4 }, () =>
      test.db.transaction(
        async (tx) => {
          const [row] = await tx.query<{ n: number }>({ text: 'SELECT n FROM t' });
          await tx.query({ text: 'UPDATE t SET n = $1' }, [(row?.n ?? 0) + 1]);
        },
        { isolation: 'repeatable read' },
      ),
    );
    await Promise.all(increments);
    expect(await test.db.query({ text: 'SELECT n FROM t' })).toEqual([{ n: 4 }]);
  });

  it('is run again after a deadlock', async () => {
    await using test = await createTestDatabase();
    await test.db.query({ text: 'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0), (2, 0)' });
    const both = (first: number, second: number) =>
      test.db.transaction(async (tx) => {
        await tx.query({ text: 'UPDATE t SET n = n + 1 WHERE id = $1' }, [first]);
        await tx.query({ text: 'SELECT pg_sleep(0.05)' });
        await tx.query({ text: 'UPDATE t SET n = n + 1 WHERE id = $1' }, [second]);
      });
    await Promise.all([both(1, 2), both(2, 1)]);
    expect(await test.db.query({ text: 'SELECT n FROM t ORDER BY id' })).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it('refuses writes where it is read-only, and statements after its end', async () => {
    await using test = await createTestDatabase();
    const write = test.db.transaction((tx) => tx.query({ text: 'CREATE TABLE t (n int)' }), { readOnly: true });
    await expect(write).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    const escaped = await test.db.transaction(async (tx) => tx);
    await expect(escaped.query({ text: 'SELECT 1' })).rejects.toThrow('after its transaction had ended');
  });

  it('is not taken for kept where a failed statement was passed over', async () => {
    await using test = await createTestDatabase();
    const careless = test.db.transaction(async (tx) => {
      await tx.query({ text: 'SELECT 1/0' }).catch(() => undefined);
      return 'kept';
    });
    await expect(careless).rejects.toThrow('nothing was kept');
  });

  it('gives its connection back once, at whatever moment its signal aborts', async () => {
    await using test = await createTestDatabase();
    await using db = openDatabase({ url: test.url, poolSize: 1 });
    for (let moment = 0; moment < 40; moment += 1) {
      // An idle connection is there to be had at once.
      await db.query({ text: 'SELECT 1' });
      const controller = new AbortController();
      const ended = db
        .transaction((tx) => tx.query({ text: 'SELECT 1' }), { signal: controller.signal })
        .then(
          () => 'kept',
          (error: unknown) => (error === controller.signal.reason ? 'aborted' : error),
        );
      await new Promise((resolve) => process.nextTick(resolve));
      for (let turn = 0; turn < moment; turn += 1) await Promise.resolve();
      controller.abort();
      expect(['kept', 'aborted']).toContain(await ended);
    }
    expect(await db.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
    expect(db.poolState()).toEqual({ total: 1, idle: 1, waiting: 0 });
  });

  it('stops waiting for a connection when its signal aborts, and leaks none', async () => {
    await using test = await createTestDatabase({ poolSize: 1 });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const holder = test.db.transaction(() => gate);
    const abort = new AbortController();
    const waiter = test.db.transaction(async () => 'ran', { signal: abort.signal });
    abort.abort(new Error('gone'));
    await expect(waiter).rejects.toThrow('gone');
    open();
    await holder;
    expect(await test.db.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
  });
});

describe('a connection that breaks while nobody uses it', () => {
  it('is told of once, with no more than the error, and is replaced', async () => {
    await using test = await createTestDatabase();
    const told: Error[] = [];
    await using db = openDatabase({ url: test.url, poolSize: 1, onIdleError: (error) => told.push(error) });
    const [{ pid }] = (await db.query({ text: 'SELECT pg_backend_pid() AS pid' })) as [{ pid: number }];
    await test.db.query({ text: 'SELECT pg_terminate_backend($1)' }, [pid]);
    await expect.poll(() => told).toMatchObject([{ code: '57P01' }]);
    expect(told[0]).not.toHaveProperty('client');
    expect(await db.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
  });
});

describe('errors', () => {
  it('name the broken rule', async () => {
    await using test = await createTestDatabase();
    await test.db.query({ text: 'CREATE TABLE t (n int CONSTRAINT t_once UNIQUE)' });
    await test.db.query({ text: 'INSERT INTO t VALUES (1)' });
    const error = await test.db.query({ text: 'INSERT INTO t VALUES (1)' }).catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 't_once')).toBe(true);
    expect(isUniqueViolation(error, 'another')).toBe(false);
  });

  it('are DATABASE_UNAVAILABLE where no server answers', async () => {
    await using db = openDatabase({ url: 'postgresql://nobody@localhost/none?host=/nonexistent' });
    await expect(db.query({ text: 'SELECT 1' })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(db.transaction(async () => 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  it('are DATABASE_UNAVAILABLE where the server ends the session, and the next statement works', async () => {
    await using test = await createTestDatabase({ poolSize: 1 });
    const killed = test.db.query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' });
    await expect(killed).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await test.db.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
  });

  it('are DATABASE_UNAVAILABLE where the session ends between two statements of a transaction', async () => {
    await using test = await createTestDatabase();
    const cut = test.db.transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
      await test.db.query({ text: 'SELECT pg_terminate_backend($1, 5000)' }, [row?.pid]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return tx.query({ text: 'SELECT 1' });
    });
    await expect(cut).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await test.db.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
  });
});
