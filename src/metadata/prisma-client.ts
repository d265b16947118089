/** Prisma's client over the pool that everything else uses, for records where comfort matters more than speed. */
import type pg from 'pg';
import type { Database } from './database.ts';
import { toDatabaseError } from './database-errors.ts';
import type { PrismaClient } from './generated/client.ts';

export type { PrismaClient } from './generated/client.ts';

/** Loaded with the first use: the client costs 50 MiB and a tenth of a second that most processes never need. */
export function lazyPrisma(pool: pg.Pool): () => Promise<PrismaClient> {
  let client: Promise<PrismaClient> | undefined;
  return () => {
    client ??= create(pool);
    return client;
  };
}

/** Runs `work` with the client; what it throws is mapped as for statements. */
export async function withPrisma<Result>(db: Database, work: (prisma: PrismaClient) => Promise<Result>): Promise<Result> {
  try {
    return await work(await db.prisma());
  } catch (error) {
    throw toDatabaseError(error);
  }
}

async function create(pool: pg.Pool): Promise<PrismaClient> {
  const [{ PrismaPg }, { PrismaClient }, { createHash }] = await Promise.all([
    import('@prisma/adapter-pg'),
    import('./generated/client.ts'),
    import('node:crypto'),
  ]);
  // Without names every statement is parsed and planned anew.
  const statementNameGenerator = ({ sql }: { readonly sql: string }) =>
    `prisma-${createHash('sha1').update(sql).digest('base64url').slice(0, 20)}`;
  return new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator }) });
}
