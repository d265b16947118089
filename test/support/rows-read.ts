/** How many rows a statement reads, from EXPLAIN ANALYZE: of every scan of a table or an index, what it gave and what it threw away, in all loops. */
import type { Database, Sql, Statement } from '#metadata/database.ts';
import { sqlLiteral } from '#metadata/sql-values.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

interface ExplainRow {
  readonly 'QUERY PLAN': readonly [
    { readonly Plan: PlanNode; readonly 'Execution Time': number; readonly 'Planning Time': number },
  ];
}

export interface Explained {
  readonly rowsRead: number;
  readonly plan: PlanNode;
  readonly executionMs: number;
  readonly planningMs: number;
}

export async function explain(db: Sql, statement: Statement, values: readonly unknown[]): Promise<Explained> {
  return explained(await db.query<ExplainRow>({ text: `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}` }, values));
}

/** As `explain`, by the plan that serves all values. @param values texts and booleans */
export async function explainShared(db: Database, statement: Statement, values: readonly unknown[]): Promise<Explained> {
  const literals = values.map((value) => (typeof value === 'string' ? sqlLiteral(value) : String(value)));
  return db.transaction(async (sql) => {
    await sql.query({ text: 'SET LOCAL plan_cache_mode = force_generic_plan' });
    await sql.query({ text: `PREPARE explained AS ${statement.text}` });
    const text = `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE explained(${literals.join()})`;
    const rows = await sql.query<ExplainRow>({ text });
    await sql.query({ text: 'DEALLOCATE explained' });
    return explained(rows);
  });
}

function explained([row]: readonly ExplainRow[]): Explained {
  if (row === undefined) throw new Error('EXPLAIN gave no plan');
  const [{ Plan: plan, 'Execution Time': executionMs, 'Planning Time': planningMs }] = row['QUERY PLAN'];
  return { rowsRead: rowsRead(plan), plan, executionMs, planningMs };
}

function rowsRead(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const own = readsTable(node) ? (node['Actual Rows'] + removed) * node['Actual Loops'] : 0;
  return Math.round(own) + (node.Plans ?? []).reduce((sum, child) => sum + rowsRead(child), 0);
}

/** Not the scans of what the statement has already read: a CTE, a subquery. */
function readsTable(node: PlanNode): boolean {
  return /^(Seq|Sample|Index|Index Only|Bitmap Heap|Bitmap Index|Tid|Tid Range) Scan$/.test(node['Node Type']);
}
