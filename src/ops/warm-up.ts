/** What the first caller after a start would otherwise wait for: a connection that knows the tables and the hot statements. */
import { randomId } from '#base/id.ts';
import type { Database } from '#metadata/database.ts';
import { closureRecords } from '#metadata/metadata.ts';

/** Reads nothing: there is no such artifact. Failing is no fault: then the first caller waits, or sees what is wrong. */
export async function warmUp(db: Database): Promise<void> {
  const nobody = { project: '', isAdmin: false };
  await db.transaction((tx) => closureRecords.loadPinned(tx, nobody, randomId(), 1, []), {
    isolation: 'repeatable read',
    readOnly: true,
  });
}
