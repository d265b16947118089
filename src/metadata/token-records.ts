/** Vitrine's own tokens: rows that know a secret by its HMAC only. */
import type { Database, Sql } from './database.ts';
import { withPrisma } from './prisma-client.ts';

export interface TokenRow {
  readonly id: string;
  readonly project: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly description: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

export interface NewToken {
  readonly id: string;
  readonly secretHash: string;
  readonly project: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly description: string;
  readonly createdBy: string;
  /** Null: does not expire. */
  readonly expiresInMs: number | null;
}

const columns = `t.id, t.project, t.subject, t.roles, t.description, t.created_by, t.created_at, t.expires_at, t.revoked_at`;

const insertStatement = {
  name: 'token-insert',
  text: `INSERT INTO api_token AS t (id, secret_hash, project, subject, roles, description, created_by, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::bigint * interval '1 millisecond') RETURNING ${columns}`,
};

export async function insertToken(sql: Sql, token: NewToken): Promise<TokenRow> {
  const [row] = await sql.query<TokenRow>(insertStatement, [
    token.id,
    token.secretHash,
    token.project,
    token.subject,
    token.roles,
    token.description,
    token.createdBy,
    token.expiresInMs,
  ]);
  if (row === undefined) throw new Error('a token was inserted without an answer');
  return row;
}

const findValidStatement = {
  name: 'token-find-valid',
  text: `SELECT ${columns}, extract(epoch FROM t.expires_at - now())::float8 * 1000 AS remaining_ms FROM api_token t
    WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`,
};

/** The token with that secret, if the database's clock still lets it in; `remaining_ms` is null where it never expires. */
export async function findValidToken(
  sql: Sql,
  secretHash: string,
): Promise<(TokenRow & { readonly remaining_ms: number | null }) | undefined> {
  const rows = await sql.query<TokenRow & { remaining_ms: number | null }>(findValidStatement, [secretHash]);
  return rows[0];
}

/** The newest tokens of the project, or of all projects. Through Prisma: seldom asked, and never on a request's way. */
export async function listTokens(
  db: Database,
  project: string,
  isEveryProject: boolean,
  limit: number,
): Promise<readonly TokenRow[]> {
  const tokens = await withPrisma(db, (prisma) =>
    prisma.apiToken.findMany({
      where: isEveryProject ? {} : { project },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit,
      omit: { secretHash: true },
    }),
  );
  return tokens.map(({ createdBy, createdAt, expiresAt, revokedAt, ...token }) => ({
    ...token,
    created_by: createdBy,
    created_at: createdAt,
    expires_at: expiresAt,
    revoked_at: revokedAt,
  }));
}

const findStatement = {
  name: 'token-find',
  text: `SELECT ${columns} FROM api_token t WHERE t.id = $1 FOR NO KEY UPDATE`,
};

export async function lockToken(sql: Sql, id: string): Promise<TokenRow | undefined> {
  const rows = await sql.query<TokenRow>(findStatement, [id]);
  return rows[0];
}

const revokeStatement = {
  name: 'token-revoke',
  text: `UPDATE api_token AS t SET revoked_at = coalesce(t.revoked_at, now()) WHERE t.id = $1 RETURNING ${columns}, t.secret_hash`,
};

/** The hash comes back so that this node can forget the token at once. */
export async function revokeToken(sql: Sql, id: string): Promise<(TokenRow & { readonly secret_hash: string }) | undefined> {
  const rows = await sql.query<TokenRow & { secret_hash: string }>(revokeStatement, [id]);
  return rows[0];
}
