import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

const first = new URL('../../prisma/migrations/20261122000000_first/migration.sql', import.meta.url);

let test: TestDatabase;
let columns: ReadonlyMap<string, ReadonlySet<string>>;

/** What stands here is in the first migration, not in a later one: the database of this suite has that one only. */
beforeAll(async () => {
  test = await createTestDatabase({ empty: true });
  await test.db.query({ text: await readFile(first, 'utf8') });
  const rows = await test.db.query<{ name: string; columns: string[] }>({
    text: `SELECT c.relname AS name, array_agg(a.attname::text) AS columns FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1`,
  });
  columns = new Map(rows.map((row) => [row.name, new Set(row.columns)]));
});

afterAll(() => test[Symbol.asyncDispose]());

const missing = (table: string, ...names: readonly string[]) => names.filter((name) => columns.get(table)?.has(name) !== true);

async function insertArtifact(state: string, values: { familyId: string; version: string }): Promise<void> {
  await test.db.query(
    {
      text: `INSERT INTO artifact (id, project, type, type_version, family_id, version, version_key, version_core, version_is_release,
      state, visibility, created_by) VALUES ($1, 'p', 't', '1', $2, $3, $3, $3, true, $4, 'private', 'me')`,
    },
    [randomUUID(), values.familyId, values.version, state],
  );
}

describe('the first migration has what would be dear to add later:', () => {
  it.each<[string, string, readonly string[]]>([
    ['families, rows of their own', 'family', ['id', 'project', 'type', 'name', 'description', 'revision']],
    [
      'idempotency keys with the body’s hash',
      'idempotency_key',
      ['project', 'caller', 'operation', 'key', 'body_hash', 'response', 'expires_at'],
    ],
    [
      'the outbox in the order of transactions',
      'event',
      ['id', 'tx', 'shape', 'kind', 'project', 'subject_id', 'payload', 'request_id', 'traceparent'],
    ],
    [
      'the audit trail',
      'audit',
      ['tx', 'caller', 'project', 'action', 'subject_id', 'source_address', 'request_id', 'traceparent'],
    ],
    ['released type versions and their digests', 'type_version', ['type', 'version', 'digest']],
    [
      'upload sessions with states',
      'upload_session',
      ['state', 'offset_bytes', 'length_bytes', 'limit_bytes', 'store_state', 'hash_state', 'writer', 'expires_at'],
    ],
    ['leases', 'lease', ['blob_id', 'holder', 'expires_at']],
    ['locations with states', 'location', ['blob_id', 'store', 'object_key', 'state', 'generation']],
    ['placements', 'placement', ['artifact_id', 'slot', 'store']],
    ['digests of blobs as algorithm and value', 'blob', ['digest_algorithm', 'digest_value']],
    ['further digests of the same bytes', 'blob_digest', ['algorithm', 'value']],
    ['digests of artifacts as algorithm and value', 'artifact', ['digest_algorithm', 'digest_value']],
    ['encoding and key of a location, for encryption at rest', 'location', ['encoding', 'key_id']],
    ['the origin of an artifact, for replication', 'artifact', ['origin_instance', 'origin_id']],
    ['when an artifact expires', 'artifact', ['expires_at']],
    ['the last download, apart from the artifact’s row', 'artifact_download', ['last_at', 'count']],
    ['names by date', 'artifact_name', ['valid_from', 'valid_to', 'family_id', 'version']],
    ['yanks by date', 'artifact_yank', ['yanked_at', 'unyanked_at']],
    ['channels by date', 'channel_move', ['channel', 'artifact_id', 'moved_at']],
    ['tombstones', 'artifact', ['state', 'state_before_delete', 'deleted_at']],
    ['ids that are never used again', 'used_id', ['id']],
    ['members with the copies that lists sort by', 'member', ['status', 'type', 'artifact_created_at']],
    ['stores by the id that they carry', 'store', ['store_id']],
    ['the instance', 'instance', ['id', 'key_fingerprint']],
  ])('%s', (_what, table, names) => {
    expect(missing(table, ...names)).toEqual([]);
  });

  it('a project on each row that belongs to one', () => {
    const owned = ['artifact', 'family', 'member', 'upload_session', 'idempotency_key', 'event', 'audit', 'api_token'];
    expect(owned.filter((table) => missing(table, 'project').length > 0)).toEqual([]);
  });

  it('a revision on each object that changes', () => {
    expect(['artifact', 'family', 'upload_session'].filter((table) => missing(table, 'revision').length > 0)).toEqual([]);
  });
});

describe('the database itself refuses', () => {
  /** One family, and its version 1.0.0 once in each state. */
  async function insertStates(states: readonly string[]): Promise<number> {
    const familyId = randomUUID();
    await test.db.query({ text: `INSERT INTO family (id, project, type, name) VALUES ($1, 'p', 't', $2)` }, [familyId, familyId]);
    for (const state of states) await insertArtifact(state, { familyId, version: '1.0.0' });
    return states.length;
  }

  it('two live artifacts of one version', async () => {
    const refusal = { code: '23505', constraint: 'artifact_live_version' };
    await expect(insertStates(['active', 'active'])).rejects.toMatchObject(refusal);
    await expect(insertStates(['active', 'deactivated'])).rejects.toMatchObject(refusal);
    await expect(insertStates(['pending_delete', 'active'])).rejects.toMatchObject(refusal);
  });

  it('no live artifact beside tombstones and drafts of its version', async () => {
    expect(await insertStates(['deleted', 'deleted', 'draft', 'draft', 'active'])).toBe(5);
  });

  it('a second instance', async () => {
    const insert = () => test.db.query({ text: `INSERT INTO instance (id, key_fingerprint) VALUES ($1, 'x')` }, [randomUUID()]);
    await insert();
    await expect(insert()).rejects.toMatchObject({ code: '23505' });
  });

  it.each([
    ['artifact', 'pending_delete'],
    ['location', 'condemned'],
    ['upload_session', 'verifying'],
  ])('a state of %s beyond those it lists, %s among them', async (table, state) => {
    const [row] = await test.db.query<{ definition: string | null }>(
      {
        text: `SELECT string_agg(pg_get_constraintdef(oid), ' ') AS definition FROM pg_constraint
          WHERE contype = 'c' AND conrelid = $1::regclass AND pg_get_constraintdef(oid) LIKE '%(state = ANY%'`,
      },
      [table],
    );
    expect(row?.definition).toContain(`'${state}'`);
  });
});

describe('text that lists are ordered by', () => {
  it('is compared byte by byte, whatever the server’s locale', async () => {
    const rows = await test.db.query<{ column: string }>({
      text: `SELECT c.relname || '.' || a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname IN
          ('name', 'type', 'project', 'version', 'version_key', 'version_core', 'path', 'slot', 'alias', 'key', 'channel')
          AND l.collname <> 'C'`,
    });
    expect(rows).toEqual([]);
  });
});
