/** Idempotency keys: one row for each (project, caller, operation, key), written in the transaction it makes repeatable. */
import type { Json } from '#base/json.ts';
import type { Sql } from './database.ts';

export interface IdempotencyScope {
  readonly project: string;
  readonly caller: string;
  readonly operation: string;
  readonly key: string;
}

export interface IdempotencyRow {
  readonly body_hash: string;
  readonly response: Json;
}

const reserveStatement = {
  name: 'idempotency-reserve',
  // An expired row is taken over; a concurrent holder is waited for, because its row is not yet committed.
  text: `INSERT INTO idempotency_key AS k (project, caller, operation, key, body_hash, response, expires_at)
    VALUES ($1, $2, $3, $4, $5, 'null', now() + $6 * interval '1 millisecond')
    ON CONFLICT (project, caller, operation, key) DO UPDATE
      SET body_hash = excluded.body_hash, response = 'null', created_at = now(), expires_at = excluded.expires_at
      WHERE k.expires_at <= now()
    RETURNING k.key`,
};

/** Takes the key for this transaction. False: another request has it, or had it; read it with `findResponse`. */
export async function reserveKey(sql: Sql, scope: IdempotencyScope, bodyHash: string, ttlMs: number): Promise<boolean> {
  const rows = await sql.query(reserveStatement, [scope.project, scope.caller, scope.operation, scope.key, bodyHash, ttlMs]);
  return rows.length === 1;
}

const findStatement = {
  name: 'idempotency-find',
  text: `SELECT body_hash, response FROM idempotency_key
    WHERE project = $1 AND caller = $2 AND operation = $3 AND key = $4 AND expires_at > now()`,
};

/** What was answered under the key, if it is known and not expired. */
export async function findResponse(sql: Sql, scope: IdempotencyScope): Promise<IdempotencyRow | undefined> {
  const rows = await sql.query<IdempotencyRow>(findStatement, [scope.project, scope.caller, scope.operation, scope.key]);
  return rows[0];
}

const storeStatement = {
  name: 'idempotency-store',
  text: `UPDATE idempotency_key SET response = $5 WHERE project = $1 AND caller = $2 AND operation = $3 AND key = $4`,
};

/** Keeps the answer of a key that this transaction reserved. */
export async function storeResponse(sql: Sql, scope: IdempotencyScope, response: Json): Promise<void> {
  await sql.query(storeStatement, [scope.project, scope.caller, scope.operation, scope.key, JSON.stringify(response)]);
}
