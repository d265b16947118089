/** Watches which statements operations run, however they reach the database; BEGIN and COMMIT are not among them. */
import type { Database, Sql } from '#metadata/database.ts';

export interface WatchedStatements {
  /** In place of the services' own. */
  readonly db: Database;
  /** The name of each statement so far, '' for one without. */
  readonly names: readonly string[];
}

export function watchStatements(db: Database): WatchedStatements {
  const names: string[] = [];
  const watched = (sql: Sql): Sql => ({
    query: (statement, values) => {
      names.push(statement.name ?? '');
      return sql.query(statement, values);
    },
  });
  const watching: Database = {
    ...db,
    ...watched(db),
    reads: watched(db.reads),
    lists: watched(db.lists),
    transaction: (work, options) => db.transaction((tx) => work(watched(tx)), options),
    // The database is not its own to close.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { db: watching, names };
}
