/** Which PostgreSQL servers will do. */
import { AppError } from '#base/app-error.ts';

const oldest = 150_000;

/** @param number `server_version_num`, as 150004. @throws AppError DATABASE_UNSUPPORTED */
export function assertServerVersion(number: number, text: string): void {
  if (number >= oldest) return;
  throw new AppError('DATABASE_UNSUPPORTED', `The database server is PostgreSQL ${text}; Vitrine needs 15 or newer.`);
}
