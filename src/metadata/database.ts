/** The database as records files use it: named statements over a pool, and transactions. */

import type { PrismaClient } from './prisma-client.ts';

/** A parameterised statement. `name` makes it a prepared statement per connection; leave it out where the text varies. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** Where a statement may run: the pool, or one transaction. */
export interface Sql {
  /** Rows as objects. bigint columns that hold sizes arrive as numbers, timestamptz as Date, jsonb parsed, numeric as text. */
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read';
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** Connections of the pool, and callers that wait for one. */
export interface PoolState {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

export interface Database extends Sql, AsyncDisposable {
  /**
   * Runs `work` in one transaction: commits what it returns, rolls back what it throws. Deadlocks (40P01) and serialization
   * failures (40001) are retried a few times, so `work` must have no effect outside its statements.
   * @throws AppError DATABASE_UNAVAILABLE when no connection can be had
   */
  transaction<Result>(work: (tx: Sql) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  /** Prisma's client over the same connections, for seldom used records; loaded with its first use, never on a hot path. */
  prisma(): Promise<PrismaClient>;
  /**
   * For the hottest reads: named statements that read few rows by an index, over connections that many share at once
   * (pipelined-reads.ts). Never part of a transaction, never a statement that may take long.
   */
  readonly reads: Sql;
  /**
   * For named statements whose plan does not depend on the values: it is made once on each connection and kept, where the pool
   * would plan again for values that look easier. They may take as long as any.
   */
  readonly lists: Sql;
  poolState(): PoolState;
}
