/** How many uploads are under way, for metrics. */
import type { Sql } from './database.ts';

export interface UploadCount {
  readonly state: 'open' | 'receiving' | 'verifying';
  readonly count: number;
}

const countStatement = {
  name: 'upload-count',
  text: `WITH u AS (SELECT state, count(*)::integer AS count FROM upload_session
      WHERE state IN ('open', 'receiving', 'verifying') GROUP BY state)
    SELECT s.state, coalesce(u.count, 0) AS count FROM unnest(ARRAY['open', 'receiving', 'verifying']) AS s (state)
    LEFT JOIN u USING (state)`,
};

/** Every state that is not an end, also those that nothing is in. */
export async function countUploads(sql: Sql): Promise<readonly UploadCount[]> {
  return sql.query<UploadCount>(countStatement);
}
