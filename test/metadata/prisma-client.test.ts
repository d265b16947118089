import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openDatabase, tokenRecords } from '#metadata/metadata.ts';
import { withPrisma } from '#metadata/prisma-client.ts';
import { createTestDatabase } from '#test/support/database.ts';

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly isRequired: boolean;
}

/** PostgreSQL's type → how the schema has to write it. */
const prismaTypes: Readonly<Record<string, string>> = {
  bigint: 'BigInt',
  boolean: 'Boolean',
  bytea: 'Bytes',
  integer: 'Int',
  jsonb: 'Json',
  text: 'String',
  'text[]': 'String[]',
  'uuid[]': 'String[] @db.Uuid',
  'timestamp with time zone': 'DateTime @db.Timestamptz(6)',
  uuid: 'String @db.Uuid',
  xid8: 'Unsupported("xid8")',
};

/** Every column as the schema's text declares it: `table.column type`, with ? where it may be null. */
function declaredColumns(schema: string): string[] {
  const columns: string[] = [];
  for (const [, body = ''] of schema.matchAll(/^model \w+ \{\n([\s\S]+?)^\}/gm)) {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
    for (const line of body.split('\n')) {
      const [, field = '', type = '', rest = ''] = /^ {2}(\w+) +(\S+)(.*)$/.exec(line) ?? [];
      if (field === '' || rest.includes('@relation')) continue;
      const name = /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field;
      const native = /@db\.\w+(\(\d+\))?/.exec(rest)?.[0];
      columns.push(
        `${table}.${name} ${native === undefined ? type : `${type.replace('?', '')} ${native}${type.endsWith('?') ? '?' : ''}`}`,
      );
    }
  }
  return columns.sort();
}

describe('prisma/schema.prisma', () => {
  it('declares exactly the columns of a migrated database', async () => {
    const schema = await readFile(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8');
    await using test = await createTestDatabase();
    const columns = await test.db.query<Column>({
      text: `SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "isRequired"
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations'`,
    });
    const migrated = columns.map(
      ({ table, column, type, isRequired }) =>
        `${table}.${column} ${prismaTypes[type] ?? type}${isRequired || type.endsWith('[]') ? '' : '?'}`,
    );
    expect(migrated.length).toBeGreaterThan(150);
    expect(declaredColumns(schema)).toEqual(migrated.sort());
  });
});

describe('the generated client', () => {
  it('reads the rows that statements wrote, over the same pool', async () => {
    await using test = await createTestDatabase({ poolSize: 1 });
    const id = '3f0c7a52-3c1e-4b57-9b0e-0d4f3c6a7b11';
    await tokenRecords.insertToken(test.db, {
      id,
      secretHash: 'hash',
      project: 'p',
      subject: 's',
      roles: ['reader', 'member'],
      description: '',
      createdBy: 'me',
      expiresInMs: null,
    });
    const [token] = await tokenRecords.listTokens(test.db, 'p', false, 10);
    expect(token).toEqual({
      id,
      project: 'p',
      subject: 's',
      roles: ['reader', 'member'],
      description: '',
      created_by: 'me',
      created_at: expect.any(Date),
      expires_at: null,
      revoked_at: null,
    });
    expect(await tokenRecords.listTokens(test.db, 'other', false, 10)).toEqual([]);
    expect(await tokenRecords.listTokens(test.db, 'other', true, 10)).toHaveLength(1);
  });

  it('prepares its statements by name', async () => {
    await using test = await createTestDatabase({ poolSize: 1 });
    await withPrisma(test.db, (prisma) => prisma.store.findMany());
    const [row] = await test.db.query<{ count: number }>({
      text: `SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'prisma-%'`,
    });
    expect(row?.count).toBe(1);
  });

  it('answers DATABASE_UNAVAILABLE where no server answers', async () => {
    await using db = openDatabase({ url: 'postgresql://nobody@localhost/none?host=/nonexistent' });
    await expect(withPrisma(db, (prisma) => prisma.store.findMany())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});
