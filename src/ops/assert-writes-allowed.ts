/** Asked by maintenance before it touches a store: the database refuses its own rows by itself, but knows nothing of objects. */
import { AppError } from '#base/app-error.ts';
import type { Sql } from '#metadata/database.ts';
import { readOnlyRecords } from '#metadata/metadata.ts';

/** @throws AppError READ_ONLY */
export async function assertWritesAllowed(sql: Sql): Promise<void> {
  const { since, reason } = await readOnlyRecords.findReadOnly(sql);
  if (since !== null) throw new AppError('READ_ONLY', reason ?? undefined);
}
