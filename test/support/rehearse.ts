/** Runs an operation for real, on the real database, and takes back whatever it changed there: one fixture for thousands of tries. */
import type { Database, Sql } from '#metadata/database.ts';
import type { Services } from '#ops/context.ts';

/** What `work` answers or throws; the database is as it was before. */
export async function rehearse<Result>(services: Services, work: (services: Services) => Promise<Result>): Promise<Result> {
  let settled: (() => Result) | undefined;
  const takenBack = new Error('taken back');
  try {
    await services.db.transaction(async (tx) => {
      settled = await work({ ...services, db: within(services.db, tx) }).then(
        (result) => () => result,
        (error: unknown) => () => {
          throw error;
        },
      );
      throw takenBack;
    });
  } catch (error) {
    if (error !== takenBack) throw error;
  }
  if (settled === undefined) throw new Error('the rehearsal did not take place');
  return settled();
}

/** A database whose transactions are savepoints of one that is open. */
function within(db: Database, tx: Sql): Database {
  let depth = 0;
  const transaction: Database['transaction'] = async (work) => {
    depth += 1;
    const name = `rehearsal_${depth}`;
    await tx.query({ text: `SAVEPOINT ${name}` });
    try {
      const result = await work(tx);
      await tx.query({ text: `RELEASE SAVEPOINT ${name}` });
      return result;
    } catch (error) {
      await tx.query({ text: `ROLLBACK TO SAVEPOINT ${name}` });
      throw error;
    }
  };
  return {
    ...{ query: tx.query.bind(tx), reads: tx, lists: tx, transaction },
    // On connections of its own, where what it wrote would stay: operations read by it only.
    prisma: () => db.prisma(),
    poolState: () => db.poolState(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
