/** How many rows the statement of a page reads, as EXPLAIN ANALYZE counts them. */
import type { Filter, Order } from '#core/filter.ts';
import type { Database } from '#metadata/database.ts';
import { chooseApproach } from '#metadata/list-records.ts';
import { listScope, type PagePosition, pageStatement } from '#metadata/page-statement.ts';
import { listPropertyIndexes } from '#metadata/property-indexes.ts';
import { type Explained, explain } from './rows-read.ts';

const newest: Order = { key: 'createdAt', direction: 'desc' };

export async function explainPage(
  db: Database,
  project: string,
  {
    type = null,
    filter = null,
    order = newest,
  }: { readonly type?: string | null; readonly filter?: Filter | null; readonly order?: Order },
  position: Partial<PagePosition> = {},
): Promise<Explained> {
  const viewer = { project, isAdmin: false };
  const request = { type, filter, order, includeHidden: false, indexed: await listPropertyIndexes(db) };
  const scope = listScope(viewer, request);
  const approach = await chooseApproach(db, request, scope);
  const whole: PagePosition = { limit: 25, direction: 'forward', cursor: null, ...position };
  const { statement, values } = pageStatement(request, viewer, whole, approach, scope);
  return explain(db, statement, values);
}
