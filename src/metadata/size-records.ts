/** What a published artifact knows of its bytes: they stay, and are looked at when it is published; the release before did not. */
import { singleBlobsSql } from './boot-image-row.ts';
import type { Sql } from './database.ts';

/** For the UPDATE that publishes the artifact of this alias. */
export function sizedSql(alias: string): string {
  return `single_blobs = ${singleBlobsSql(`${alias}.id`)}, size_bytes = (SELECT coalesce(sum(b.size_bytes), 0)
    FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = ${alias}.id)`;
}

const sizeStatement = {
  name: 'artifact-size-unsized',
  // An array, for a subquery that locks is not to be run twice.
  text: `UPDATE artifact AS a SET ${sizedSql('a')} WHERE a.id = ANY (ARRAY(SELECT id FROM artifact
      WHERE size_bytes IS NULL AND state IN ('active', 'deactivated', 'pending_delete') LIMIT $1 FOR UPDATE))
    RETURNING a.id`,
};

/** Sizes so many of the published artifacts that have no size; how many there were. */
export async function sizeUnsized(sql: Sql, limit: number): Promise<number> {
  return (await sql.query(sizeStatement, [limit])).length;
}
