/** The database over a pool of `pg` connections: prepared statements by name, plain values, transactions that retry. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Database, Sql, Statement, TransactionOptions } from './database.ts';
import { isAnswerMissing, isRetryable, toDatabaseError } from './database-errors.ts';
import { openPipelinedReads } from './pipelined-reads.ts';
import { lazyPrisma } from './prisma-client.ts';
import { inStatementSpan } from './statement-span.ts';
import { unrefClient } from './unref-client.ts';

interface OpenDatabaseOptions {
  readonly url: string;
  /** Most connections of this process; default 8. */
  readonly poolSize?: number | undefined;
  /** A statement that runs longer is ended by the server; default 30 s. */
  readonly statementTimeoutMs?: number | undefined;
  /** How long a caller waits for a free connection, and for an answer beyond the server's own end of a statement; default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  readonly applicationName?: string | undefined;
  /** Told of connections that broke while idle; the pool replaces them. */
  readonly onIdleError?: ((error: Error) => void) | undefined;
}

const attempts = 6;

const timerMaxMs = 2_147_483_647;

/** Connects with the first statement, not here. */
export function openDatabase(options: OpenDatabaseOptions): Database {
  const { connectTimeoutMs = 10_000, statementTimeoutMs = 30_000 } = options;
  const connection = {
    connectionString: options.url,
    connectionTimeoutMillis: connectTimeoutMs,
    // A server whose machine is gone says nothing: without an end of ours, statements would wait a quarter of an hour for it.
    query_timeout: statementTimeoutMs === 0 ? 0 : Math.min(statementTimeoutMs + connectTimeoutMs, timerMaxMs),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: options.applicationName ?? 'vitrine',
    options: sessionOptions(statementTimeoutMs),
    types: { getTypeParser },
  };
  const pool = new pg.Pool({ ...connection, max: options.poolSize ?? 8, idleTimeoutMillis: 60_000 });
  // Planning a page anew costs ten times what reading it does, and the plan is the same for whoever reads.
  const planned = { ...connection, options: `${connection.options} -c plan_cache_mode=force_generic_plan` };
  const reads = openPipelinedReads(planned);
  const lists = new pg.Pool({ ...planned, max: Math.min(options.poolSize ?? 8, listConnections), idleTimeoutMillis: 60_000 });
  const connected = new Set<pg.PoolClient>();
  let closing: Promise<void> | undefined;
  for (const each of [pool, lists]) watch(each);
  return {
    query: queryOf(pool),
    transaction: (work, transactionOptions = {}) => transact(pool, work, transactionOptions),
    prisma: lazyPrisma(pool),
    reads,
    lists: { query: queryOf(lists) },
    poolState: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    [Symbol.asyncDispose]: () => {
      closing ??= Promise.all([pool.end(), lists.end(), reads[Symbol.asyncDispose]()]).then(() => {
        // The pools do not wait for the last words of a server that is silent; nor does the process.
        for (const client of connected) unrefClient(client);
      });
      return closing;
    },
  };

  function watch(each: pg.Pool): void {
    each.on('error', (error) => {
      // The pool hangs the whole client on it, which nobody wants in a log.
      Reflect.deleteProperty(error, 'client');
      // The pool does not wait for its connections' last words: while it closes they may as well be broken.
      if (closing === undefined) options.onIdleError?.(error);
    });
    // A connection lost between two statements of a transaction tells nobody else; its next statement fails.
    each.on('connect', (client) => {
      connected.add(client);
      client.on('error', () => undefined);
    });
    each.on('remove', (client) => connected.delete(client));
  }
}

/** Beside the pool: lists are bound by the processor, so that more at once would only wait there. */
const listConnections = 4;

function queryOf(pool: pg.Pool): Sql['query'] {
  return async <Row extends object>(statement: Statement, values: readonly unknown[] = []) => {
    try {
      return (await inStatementSpan(statement, () => pool.query<Row>(toQuery(statement, values)))).rows;
    } catch (error) {
      throw toDatabaseError(error);
    }
  };
}

/** Plans for short reads (no JIT, no parallel workers, indexes preferred: the hot part is in memory), UTC, and an end to whatever hangs. */
function sessionOptions(statementTimeoutMs: number): string {
  const settings = {
    jit: 'off',
    random_page_cost: '1',
    max_parallel_workers_per_gather: '0',
    timezone: 'UTC',
    statement_timeout: String(statementTimeoutMs),
    idle_in_transaction_session_timeout: '60000',
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

const int8 = 20;

/** Sizes and counts arrive as numbers; what is beyond a safe integer stays text, never a wrong number. */
function parseInt8(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8 && format !== 'binary' ? parseInt8 : pg.types.getTypeParser(oid, format);

function toQuery(statement: Statement, values: readonly unknown[]) {
  return statement.name === undefined
    ? { text: statement.text, values: [...values] }
    : { name: statement.name, text: statement.text, values: [...values] };
}

async function transact<Result>(pool: pg.Pool, work: (tx: Sql) => Promise<Result>, options: TransactionOptions): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(pool, work, options);
    } catch (error) {
      if (attempt === attempts || !isRetryable(error)) throw toDatabaseError(error);
    }
    // Random, so that two that met do not meet again.
    await sleep(Math.random() * 10 * 2 ** attempt, undefined, options.signal ? { signal: options.signal } : {});
  }
}

async function runOnce<Result>(pool: pg.Pool, work: (tx: Sql) => Promise<Result>, options: TransactionOptions): Promise<Result> {
  const client = await acquire(pool, options.signal);
  let broken = false;
  let isOver = false;
  const tx: Sql = {
    query: async <Row extends object>(statement: Statement, values: readonly unknown[] = []) => {
      if (isOver) throw new Error('a statement was sent after its transaction had ended');
      options.signal?.throwIfAborted();
      return (await inStatementSpan(statement, () => client.query<Row>(toQuery(statement, values)))).rows;
    },
  };
  try {
    await client.query(beginText(options));
    const result = await work(tx);
    isOver = true;
    // PostgreSQL answers COMMIT with ROLLBACK where a statement had failed, and that is no error to the driver.
    const { command } = await inStatementSpan({ text: 'COMMIT' }, () => client.query('COMMIT'));
    if (command !== 'COMMIT') throw new Error('a transaction went on after a statement of it had failed: nothing was kept');
    return result;
  } catch (error) {
    isOver = true;
    // Who has not answered a statement is not asked for another.
    broken = isAnswerMissing(error);
    if (!broken) {
      await client.query('ROLLBACK').catch(() => {
        broken = true;
      });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

function beginText(options: TransactionOptions): string {
  const isolation = options.isolation === 'repeatable read' ? ' ISOLATION LEVEL REPEATABLE READ' : '';
  return `BEGIN${isolation}${options.readOnly === true ? ' READ ONLY' : ''}`;
}

/** The pool cannot forget who waits: a connection that comes after the abort goes straight back. */
async function acquire(pool: pg.Pool, signal: AbortSignal | undefined): Promise<pg.PoolClient> {
  signal?.throwIfAborted();
  const connecting = pool.connect();
  if (signal === undefined) return connecting;
  return new Promise((resolve, reject) => {
    let isAbandoned = false;
    const abandon = () => {
      isAbandoned = true;
      reject(signal.reason);
    };
    signal.addEventListener('abort', abandon, { once: true });
    // Here, at one moment, it is decided whose the connection is.
    connecting.then(
      (client) => {
        signal.removeEventListener('abort', abandon);
        if (isAbandoned) client.release();
        else resolve(client);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abandon);
        reject(error);
      },
    );
  });
}
