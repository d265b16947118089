/** The migrations that this version knows: `prisma/migrations/<name>/migration.sql`, in the order of their names. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#base/package-root.ts';

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256, hex, of the file: what the database records beside the name. */
  readonly checksum: string;
}

export function migrationsFolder(): string {
  return join(packageRoot(), 'prisma', 'migrations');
}

export async function loadMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
